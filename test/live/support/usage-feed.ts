import type { GraphqlSocket, SocketSubscription } from '../../support/graphql-socket';
import type { GraphqlClient, TestServer, TestServerOptions } from '../../support/test-server';
import { startTestServer } from '../../support/test-server';

export const USAGE_UPDATED = `subscription Usage($after: String) {
  usageUpdated(after: $after) {
    cursor
    usage { id status credits characters remainingBalance endUserId }
    balance { id remaining used held included promotional toppedUp carriedOver expired overageCredits }
  }
}`;

export interface UsageUpdate {
  readonly cursor: string;
  readonly usage: {
    readonly id: string;
    readonly status: string;
    readonly credits: string;
    readonly characters: number;
    readonly remainingBalance: string;
    readonly endUserId: string | null;
  };
  readonly balance: Readonly<
    Record<
      | 'id'
      | 'remaining'
      | 'used'
      | 'held'
      | 'included'
      | 'promotional'
      | 'toppedUp'
      | 'carriedOver'
      | 'expired'
      | 'overageCredits',
      string
    >
  >;
}

export interface UsageUpdatedData extends Record<string, unknown> {
  readonly usageUpdated: UsageUpdate;
}

export const followUsage = (socket: GraphqlSocket, after?: string): SocketSubscription<UsageUpdatedData> =>
  socket.subscribe<UsageUpdatedData>(USAGE_UPDATED, after === undefined ? {} : { after });

export async function nextUpdate(subscription: SocketSubscription<UsageUpdatedData>): Promise<UsageUpdate> {
  const { data, errors } = await subscription.next();
  if (!data || errors) throw new Error(`expected an update, got ${JSON.stringify(errors)}`);
  return data.usageUpdated;
}

export async function updates(
  subscription: SocketSubscription<UsageUpdatedData>,
  count: number,
): Promise<UsageUpdate[]> {
  const seen: UsageUpdate[] = [];
  while (seen.length < count) seen.push(await nextUpdate(subscription));
  return seen;
}

export const idsOf = (seen: readonly UsageUpdate[]): string[] => seen.map(({ usage }) => usage.id);

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { usage { id } }
}`;

/** One operation, settled. Answers its id. */
export async function speak(client: GraphqlClient, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { synthesizeSpeech } = await client.data<{ synthesizeSpeech: { usage: { id: string } } }>(SPEAK, {
    input: { provider: 'elevenlabs', text: 'Hello there.', ...changes },
  });
  return synthesizeSpeech.usage.id;
}

export const speakTimes = (client: GraphqlClient, times: number): Promise<string[]> =>
  Promise.all(Array.from({ length: times }, () => speak(client)));

/**
 * The cursor of an operation that has just settled: who subscribes after it misses nothing, whenever the server gets
 * round to it. Nothing tells that a subscription without a cursor has begun but its first event.
 */
export async function presentCursor(client: GraphqlClient): Promise<string> {
  const socket = await client.socket();
  const subscription = followUsage(socket);
  const first = nextUpdate(subscription);
  let begun = false;
  void first.then(
    () => {
      begun = true;
    },
    () => {
      begun = true;
    },
  );
  let last = '';
  while (!begun) last = await speak(client);
  let update = await first;
  while (update.usage.id !== last) update = await nextUpdate(subscription);
  await socket.close();
  return update.cursor;
}

const EVENT_IDS =
  'query ($after: String) { usageEvents(first: 100, after: $after) { edges { cursor node { id } } pageInfo { endCursor } } }';

/** Ids of the last settled operations in the order of their settlement. */
export async function lastEventIds(client: GraphqlClient, count: number): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  while (ids.length < count) {
    const {
      usageEvents,
    }: { usageEvents: { edges: { node: { id: string } }[]; pageInfo: { endCursor: string | null } } } =
      await client.data(EVENT_IDS, { after });
    if (usageEvents.edges.length === 0) break;
    ids.push(...usageEvents.edges.map(({ node }) => node.id));
    after = usageEvents.pageInfo.endCursor;
  }
  return ids.slice(0, count).reverse();
}

/** A second server process, in this one, on the same data and with the same stand-in. */
export const startBeside = (first: TestServer, options: TestServerOptions = {}): Promise<TestServer> =>
  startTestServer({
    ...first.data,
    stub: first.stub,
    ...options,
    env: { BOOTSTRAP_API_KEY: first.client.key, BOOTSTRAP_ADMIN_KEY: first.admin.key ?? undefined, ...options.env },
  });
