import type { GraphqlError, GraphqlResult, GraphqlSocket, SocketSubscription } from '../../support/graphql-socket';
import { Gate, type ProviderStub, type StubFault } from '../../support/provider-stub';
import type { GraphqlClient, TestServer } from '../../support/test-server';

export const SPEECH_STREAM = `subscription Listen($input: SynthesizeSpeechInput!, $after: Int) {
  speechStream(input: $input, after: $after) {
    __typename
    ... on SpeechStarted { sequence contentType format sampleRate channels speech { id status usage { id } } }
    ... on SpeechChunk { sequence audioBase64 contentType }
    ... on SpeechCompleted {
      sequence
      speech { id status audio { url sizeBytes durationSeconds } }
      usage { id status credits characters audioMilliseconds requests }
    }
  }
}`;

export interface SpeechEvent {
  readonly __typename: 'SpeechStarted' | 'SpeechChunk' | 'SpeechCompleted';
  readonly sequence: number;
  readonly audioBase64?: string;
  readonly contentType?: string;
  readonly format?: string;
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly speech?: {
    readonly id: string;
    readonly status: string;
    readonly usage?: { readonly id: string } | null;
    readonly audio?: { readonly url: string; readonly sizeBytes: number; readonly durationSeconds: number };
  };
  readonly usage?: UsageFields;
}

export interface UsageFields {
  readonly id: string;
  readonly status: string;
  readonly credits: string;
  readonly characters: number;
  readonly audioMilliseconds: number;
  readonly requests: number;
  readonly errorCode?: string | null;
}

export interface SpeechStreamData extends Record<string, unknown> {
  readonly speechStream: SpeechEvent;
}

export type SpeechSubscription = SocketSubscription<SpeechStreamData>;

/** What every test sends, with a key of its own. MP3 of about 12 s: some 47 pieces of the stand-in. */
export const SENTENCES = 'She sells sea shells by the sea shore, and the shells she sells are sea shells. '.repeat(3);
/** As the price list counts: without the white space at its end. */
export const SENTENCES_CHARACTERS = SENTENCES.trim().length;

let keys = 0;
export const newKey = (): string => {
  keys += 1;
  return `key-${keys}`;
};

export const speechInput = (changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  provider: 'elevenlabs',
  text: SENTENCES,
  idempotencyKey: newKey(),
  ...changes,
});

export const listen = (
  socket: GraphqlSocket,
  input: Readonly<Record<string, unknown>>,
  after?: number,
): SpeechSubscription =>
  socket.subscribe<SpeechStreamData>(SPEECH_STREAM, { input, ...(after !== undefined && { after }) });

export const eventOf = (result: GraphqlResult<SpeechStreamData>): SpeechEvent => {
  if (!result.data || result.errors) throw new Error(`expected an event, got ${JSON.stringify(result)}`);
  return result.data.speechStream;
};

export const nextEvent = async (subscription: SpeechSubscription): Promise<SpeechEvent> =>
  eventOf(await subscription.next());

/** Events up to a number of chunks, the start included where it is sent. */
export async function eventsUntilChunks(subscription: SpeechSubscription, chunks: number): Promise<SpeechEvent[]> {
  const events: SpeechEvent[] = [];
  while (events.filter(({ __typename }) => __typename === 'SpeechChunk').length < chunks) {
    events.push(await nextEvent(subscription));
  }
  return events;
}

/** Every event to come of a subscription that must end without an error. */
export async function allEvents(subscription: SpeechSubscription): Promise<SpeechEvent[]> {
  const { results, end } = await subscription.rest();
  if (end.type !== 'complete') throw new Error(`the stream ended with ${JSON.stringify(end)}`);
  return results.map(eventOf);
}

/** The error of a subscription that must be refused at its start. */
export async function refusalOf(subscription: SocketSubscription<never> | SpeechSubscription): Promise<GraphqlError> {
  const event = await (subscription as SpeechSubscription).event();
  if (event.type !== 'error') throw new Error(`expected a refusal, got ${JSON.stringify(event)}`);
  return event.payload[0]!;
}

export const bytesOf = (events: readonly SpeechEvent[]): Buffer =>
  Buffer.concat(events.flatMap(({ audioBase64 }) => (audioBase64 ? [Buffer.from(audioBase64, 'base64')] : [])));

/** Each speech request from now on gets this in place of its answer; lists of voices are answered as ever. */
export const faultSpeech = (stub: ProviderStub, fault: StubFault): void =>
  stub.fault(({ operation }) => (operation === 'speech' ? fault : undefined));

/** A gate that speech passes piece by piece from now on. */
export function gateSpeech(stub: ProviderStub): Gate {
  const gate = new Gate();
  faultSpeech(stub, { kind: 'gated', gate });
  return gate;
}

const USAGE_EVENTS = `{ usageEvents(first: 100) { edges { node {
  id status credits characters audioMilliseconds requests errorCode
} } } }`;

/** What a workspace was charged for, newest first. */
export async function usageEventsOf(client: GraphqlClient): Promise<UsageFields[]> {
  const { usageEvents } = await client.data<{ usageEvents: { edges: { node: UsageFields }[] } }>(USAGE_EVENTS);
  return usageEvents.edges.map(({ node }) => node);
}

/** Resolves when nothing runs on a server and all that ran is settled. */
export async function allSettled({ container }: TestServer): Promise<void> {
  await until(() => container.live.count === 0);
}

/** Looks at the end of each turn of the event loop, for what no event tells of. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
