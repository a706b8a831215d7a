import type { GraphqlError } from '../support/graphql-socket';
import { priceOf, readBalance } from '../support/storm-credits';
import { describeStorm, type StormServers, type StormWorkspace } from './support/storm-servers';

const PAID_CALLS = 10;
const CALLS = 500;
const TEXT = 'Exactly ten of these can be paid, however many are asked for.';
const CHARACTERS = TEXT.length;
const DOCUMENTS = 50;
const ALIASES = CALLS / DOCUMENTS;
const SOCKETS_OF_A_PROCESS = 3;

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { speech { id } usage { status credits } }
}`;
const SPEAK_OFTEN = `mutation Speak($input: SynthesizeSpeechInput!) {
  ${Array.from({ length: ALIASES }, (_, n) => `speech${n}: synthesizeSpeech(input: $input) { speech { id } usage { status credits } }`).join('\n  ')}
}`;
const LISTEN = `subscription Listen($input: SynthesizeSpeechInput!) {
  speechStream(input: $input) { __typename ... on SpeechCompleted { speech { id } usage { status credits } } }
}`;

interface Served {
  readonly speech: { readonly id: string };
  readonly usage: { readonly status: string; readonly credits: string };
}
type Answer = Served | GraphqlError;
const isServed = (answer: Answer): answer is Served => 'speech' in answer;

describeStorm('a balance worth exactly 10 calls, 500 asked for at once', (servers) => {
  let workspace: StormWorkspace;
  let callsBefore: number;
  beforeEach(async () => {
    workspace = await servers().workspaceFor(PAID_CALLS * CHARACTERS);
    callsBefore = servers().stub.calls;
  });

  const expectTenServed = async (answers: readonly Answer[]): Promise<void> => {
    const served = answers.filter(isServed);
    const refused = answers.filter((answer): answer is GraphqlError => !isServed(answer));
    expect(countsOf(refused.map(({ extensions }) => extensions.code))).toEqual({
      INSUFFICIENT_CREDITS: CALLS - PAID_CALLS,
    });
    expect(new Set(served.map(({ speech }) => speech.id)).size).toBe(PAID_CALLS);
    for (const { usage } of served) expect(usage).toEqual({ status: 'SUCCEEDED', credits: '10.126' });
    expect(servers().stub.calls - callsBefore).toBe(PAID_CALLS);
    expect(await readBalance(workspace.clients.at(-1)!)).toEqual({
      remaining: 0n,
      held: 0n,
      used: priceOf(PAID_CALLS * CHARACTERS),
    });
    expect(await eventsOf(servers(), workspace.id)).toEqual({ SUCCEEDED: PAID_CALLS });
    expect(await servers().findings(workspace.id)).toEqual([]);
  };

  it('serves 10 mutations and refuses 490', async () => {
    const answers = await Promise.all(
      Array.from({ length: CALLS }, async (_, n): Promise<Answer> => {
        const { data, errors } = await workspace
          .client(n)
          .graphql<{ synthesizeSpeech: Served | null }>(SPEAK, { input: { provider: 'elevenlabs', text: TEXT } });
        return data?.synthesizeSpeech ?? errors![0]!;
      }),
    );
    await expectTenServed(answers);
  });

  it('serves 10 subscriptions and refuses 490, over a few sockets', async () => {
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS_OF_A_PROCESS * workspace.clients.length }, (_, n) => workspace.client(n).socket()),
    );
    const answers = await Promise.all(
      Array.from({ length: CALLS }, async (_, n): Promise<Answer> => {
        const input = { provider: 'elevenlabs', text: TEXT, idempotencyKey: `subscription-${n}` };
        const { results, end } = await sockets[n % sockets.length]!.subscribe<{ speechStream: Served }>(LISTEN, {
          input,
        }).rest();
        if (end.type === 'error') return end.payload[0]!;
        const last = results.at(-1)!;
        return last.data?.speechStream ?? last.errors![0]!;
      }),
    );
    await Promise.all(sockets.map((socket) => socket.close()));
    await expectTenServed(answers);
  });

  it('serves 10 fields of 50 documents, each with its result beside those that were refused', async () => {
    const documents = await Promise.all(
      Array.from({ length: DOCUMENTS }, (_, n) =>
        workspace
          .client(n)
          .graphql<Record<string, Served | null>>(SPEAK_OFTEN, { input: { provider: 'elevenlabs', text: TEXT } }),
      ),
    );
    const answers = documents.flatMap(({ data, errors = [], status }): Answer[] => {
      expect(status).toBe(200);
      const fields = Object.entries(data!);
      expect(fields).toHaveLength(ALIASES);
      // Each field has either its result or one error that names it.
      const paths = fields.filter(([, result]) => result === null).map(([alias]) => [alias]);
      expect(errors.map(({ path }) => path).sort()).toEqual(paths.sort());
      return [...fields.flatMap(([, result]) => result ?? []), ...errors];
    });
    expect(answers).toHaveLength(CALLS);
    await expectTenServed(answers);
  });
});

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Usage events of a workspace, by status. */
async function eventsOf(servers: StormServers, workspaceId: string): Promise<Record<string, number>> {
  const rows = await servers.withDatabase(
    async (database) =>
      (
        await database.query<{ status: string }>('SELECT status FROM usage_events WHERE workspace_id = $1', [
          workspaceId,
        ])
      ).rows,
  );
  return countsOf(rows.map(({ status }) => status));
}
