import type { GraphqlAnswer, GraphqlClient } from '../../support/graphql-client';
import type { GraphqlError } from '../../support/graphql-socket';
import type { TestServer, TestWorkspace } from '../../support/test-server';

export interface AudioFields {
  readonly url: string;
  readonly expiresAt: string;
  readonly contentType: string;
  readonly format: string;
  readonly sampleRate: number;
  readonly channels: number;
  readonly sizeBytes: number | null;
  readonly durationSeconds: number | null;
  readonly base64: string | null;
}

export interface AttemptFields {
  readonly provider: string;
  readonly model: string;
  readonly credential: string;
  readonly outcome: string;
  readonly errorCode: string | null;
}

export interface UsageFields {
  readonly id: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly credits: string;
  readonly heldCredits: string;
  readonly overageCredits: string;
  readonly costUsd: string;
  readonly characters: number;
  readonly inputTokens: number;
  readonly billableTokens: number;
  readonly audioMilliseconds: number;
  readonly requests: number;
  readonly byok: boolean;
  readonly credential: string;
  readonly endUserId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly remainingBalance: string;
  readonly summary: string;
  readonly attempts: readonly AttemptFields[];
}

export interface SpeechFields {
  readonly id: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly characters: number;
  readonly providerId: string;
  readonly model: string;
  readonly voiceId: string;
  readonly endUserId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly audio: AudioFields | null;
  readonly usage: UsageFields | null;
}

export interface SynthesizeFields {
  readonly replayed: boolean;
  readonly speech: SpeechFields;
  readonly usage: UsageFields | null;
}

export const USAGE_FIELDS = `id status errorCode credits heldCredits overageCredits costUsd characters inputTokens
  billableTokens audioMilliseconds requests byok credential endUserId metadata remainingBalance summary
  attempts { provider model credential outcome errorCode }`;
/** Without base64: few tests want the bytes twice. */
export const SPEECH_FIELDS = `id status errorCode characters providerId model voiceId endUserId metadata
  audio { url expiresAt contentType format sampleRate channels sizeBytes durationSeconds } usage { ${USAGE_FIELDS} }`;

export const SYNTHESIZE = `mutation Synthesize($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { replayed speech { ${SPEECH_FIELDS} } usage { ${USAGE_FIELDS} } }
}`;
const SPEECH = `query Speech($id: ID!) { speech(id: $id) { ${SPEECH_FIELDS} } }`;
const CANCEL = `mutation Cancel($input: CancelSpeechInput!) {
  cancelSpeech(input: $input) { speech { ${SPEECH_FIELDS} } usage { ${USAGE_FIELDS} } }
}`;

export type SpeechInput = Readonly<Record<string, unknown>> & { readonly text: string };

/** ElevenLabs speaks it; 12 characters, 1.992 credits. */
export const HELLO = { provider: 'elevenlabs', text: 'Hello there.' } as const;
export const HELLO_CREDITS = '1.992';

export const synthesize = (
  client: GraphqlClient,
  input: SpeechInput,
  headers?: Readonly<Record<string, string>>,
): Promise<GraphqlAnswer<{ synthesizeSpeech: SynthesizeFields | null }>> =>
  client.graphql(SYNTHESIZE, { input }, headers);

/** A speech that must succeed. */
export async function speak(
  client: GraphqlClient,
  input: SpeechInput = HELLO,
  headers?: Readonly<Record<string, string>>,
): Promise<SynthesizeFields> {
  const data = await client.data<{ synthesizeSpeech: SynthesizeFields }>(SYNTHESIZE, { input }, headers);
  return data.synthesizeSpeech;
}

/** A speech that must be refused or fail. */
export async function refusalOf(
  client: GraphqlClient,
  input: SpeechInput,
  headers?: Readonly<Record<string, string>>,
): Promise<GraphqlError> {
  return onlyError(await synthesize(client, input, headers));
}

export function onlyError(answer: GraphqlAnswer<unknown>): GraphqlError {
  if (answer.errors?.length !== 1) throw new Error(`expected one error, got ${JSON.stringify(answer)}`);
  return answer.errors[0]!;
}

export async function findSpeech(client: GraphqlClient, id: string): Promise<SpeechFields> {
  return (await client.data<{ speech: SpeechFields }>(SPEECH, { id })).speech;
}

export async function cancelSpeech(
  client: GraphqlClient,
  id: string,
): Promise<{ readonly speech: SpeechFields; readonly usage: UsageFields | null }> {
  const data = await client.data<{ cancelSpeech: { speech: SpeechFields; usage: UsageFields | null } }>(CANCEL, {
    input: { id },
  });
  return data.cancelSpeech;
}

/** Newest first. */
export async function usageEvents(client: GraphqlClient, first = 100): Promise<readonly UsageFields[]> {
  const data = await client.data<{ usageEvents: { edges: { node: UsageFields }[] } }>(
    `query Events($first: Int) { usageEvents(first: $first) { edges { node { ${USAGE_FIELDS} } } } }`,
    { first },
  );
  return data.usageEvents.edges.map(({ node }) => node);
}

/** A balance as far as most tests look at it. */
export interface BalanceFields {
  readonly remaining: string;
  readonly held: string;
  readonly used: string;
  readonly state: string;
  readonly message: string | null;
  readonly overageCredits: string;
}

export async function balanceOf(client: GraphqlClient): Promise<BalanceFields> {
  const data = await client.data<{ balance: BalanceFields }>(
    '{ balance { remaining held used state message overageCredits } }',
  );
  return data.balance;
}

/**
 * Everything that a refused operation must leave as it was, read from the tables themselves: a query would be counted,
 * and a hold that stays open has no field of its own.
 */
export async function standing(
  server: TestServer,
  { workspaceId }: TestWorkspace,
): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await server.database.query<Record<string, string>>(
    `SELECT spendable, held, overage_used, overage_held, allowance_used, allowance_held,
       (SELECT count(*) FROM usage_events e WHERE e.workspace_id = a.workspace_id) AS events,
       (SELECT count(*) FROM holds h WHERE h.workspace_id = a.workspace_id) AS holds,
       (SELECT count(*) FROM journal j WHERE j.workspace_id = a.workspace_id) AS journal_entries
     FROM accounts a WHERE workspace_id = $1`,
    [workspaceId],
  );
  return { ...rows[0], calls: server.stub.calls };
}

/** The speech as it is once its operation has settled. */
export async function settledSpeech(server: TestServer, client: GraphqlClient, id: string): Promise<SpeechFields> {
  await server.container.live
    .all()
    .find((operation) => operation.id === id)
    ?.settled.catch(() => {});
  return findSpeech(client, id);
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** What would tell a stranger how the server is made: frames of a stack, paths, names of libraries and of tables. */
const INTERNAL =
  /\n\s+at |node_modules|\/(work|home|tmp|src|dist)\/|\.[jt]s:\d+|\b(pg|typeorm|undici|fastify)\b|SELECT |INSERT |ECONN/i;

/** The form that every error has: a code, a sentence for people without what is inside, and the request's id. */
export function expectWellFormedErrors(answer: GraphqlAnswer<unknown>): void {
  expect(answer.errors?.length).toBeGreaterThan(0);
  const requestId = answer.headers['x-request-id'];
  expect(requestId).toMatch(ID);
  expect(answer.extensions).toMatchObject({ requestId });
  for (const error of answer.errors!) {
    expect(error.extensions.requestId).toBe(requestId);
    expect(error.extensions.code).toMatch(/^[A-Z_]+$/);
    expect(error.message).toMatch(/\S/);
    expect(error.message.length).toBeLessThanOrEqual(1_000);
    expect(JSON.stringify(error)).not.toMatch(INTERNAL);
    expect(error.extensions).not.toHaveProperty('stacktrace');
    expect(error.extensions).not.toHaveProperty('exception');
  }
}

/** Whatever is refused has cost nothing, left nothing behind and called nobody. */
export async function expectRefusalWithoutTrace(
  server: TestServer,
  workspace: TestWorkspace,
  refused: () => Promise<GraphqlAnswer<unknown>>,
): Promise<GraphqlAnswer<unknown>> {
  const before = await standing(server, workspace);
  const answer = await refused();
  expectWellFormedErrors(answer);
  expect(await standing(server, workspace)).toEqual(before);
  return answer;
}
