import { formatCredits, parseCredits } from '../../src/lib/credits';
import { openHolds } from '../support/books';
import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { type FaultFunction, randomFaults, type StubFault, seededRandom } from '../support/provider-stub';
import { priceOf } from '../support/storm-credits';
import { printSeed, TEST_SEED } from '../support/test-seed';
import { until } from '../support/until';
import { describeStorm, type StormWorkspace } from './support/storm-servers';

const CALLS = 200;
const TEXT = 'Ten of these are what one end user may have.';
const CHARACTERS = TEXT.length;
const DAY_MS = 86_400_000;
const ENDED_WITHIN_MS = 30_000;

const REFUSAL: StubFault = {
  kind: 'answer',
  status: 400,
  body: { detail: { status: 'stub_error', message: 'The stand-in refuses as it was told.' } },
};
/** Mostly refusals: where too many calls break off, the provider is given time to recover. */
const FAULTS: readonly StubFault[] = [REFUSAL, REFUSAL, REFUSAL, { kind: 'hang-up' }];

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { usage { credits } }
}`;
const speakFor = async (client: GraphqlClient, endUserId: string): Promise<string | undefined> =>
  (await client.graphql(SPEAK, { input: { provider: 'elevenlabs', text: TEXT, endUserId } })).code;

/** Micro-credits that the end user has used this day, as the limit counts them. */
async function limitTo(client: GraphqlClient, endUserId: string, creditsPerDay: bigint): Promise<bigint> {
  const { setEndUserLimit } = await client.data<{ setEndUserLimit: { limit: { usedToday: string } } }>(
    `mutation ($input: SetEndUserLimitInput!) { setEndUserLimit(input: $input) { limit { usedToday } } }`,
    { input: { endUserId, creditsPerDay: formatCredits(creditsPerDay) } },
  );
  return parseCredits(setEndUserLimit.limit.usedToday)!;
}
const lift = (client: GraphqlClient, endUserId: string) =>
  client.graphql('mutation ($id: String!) { deleteEndUserLimit(input: { endUserId: $id }) { deletedId } }', {
    id: endUserId,
  });

function countsOf(codes: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code ?? 'SERVED'] = (counts[code ?? 'SERVED'] ?? 0) + 1;
  return counts;
}

beforeAll(printSeed);

describeStorm('limits of end users', (servers) => {
  let workspace: StormWorkspace;
  beforeAll(async () => {
    // No day ends while these tests run.
    await servers().withDatabase((database) => moveClock(database, DAY_MS - ((Date.now() + DAY_MS / 2) % DAY_MS)));
  });
  beforeEach(async () => {
    workspace = await servers().workspaceFor(1_000 * CHARACTERS);
  });

  it('serve exactly ten of 200 calls at once, and everybody else whatever is asked for', async () => {
    const before = servers().stub.calls;
    await limitTo(workspace.client(0), 'ada', priceOf(10 * CHARACTERS));
    const names = ['ada', 'bob', 'ada', 'ada', 'ada'];
    const answers = await Promise.all(
      Array.from({ length: CALLS }, async (_, n) => {
        const name = names[n % names.length]!;
        return { name, code: await speakFor(workspace.client(n), name) };
      }),
    );
    const codesOf = (whose: string) => answers.filter(({ name }) => name === whose).map(({ code }) => code);
    expect(countsOf(codesOf('ada'))).toEqual({ SERVED: 10, END_USER_LIMIT_REACHED: 150 });
    expect(countsOf(codesOf('bob'))).toEqual({ SERVED: 40 });
    expect(servers().stub.calls - before).toBe(50);
    expect(await limitTo(workspace.client(1), 'ada', 0n)).toBe(priceOf(10 * CHARACTERS));
    expect(await servers().findings(workspace.id)).toEqual([]);
  });

  it('are right after calls that failed while limits came, changed and went, and leave the whole remainder', async () => {
    const { stub } = servers();
    const random = seededRandom(TEST_SEED);
    const faults: FaultFunction = randomFaults(TEST_SEED, 0.4, FAULTS);
    stub.fault((request) => (request.operation === 'speech' ? faults(request) : undefined));
    const names = ['ada', 'bob'];
    const codes = await Promise.all(
      Array.from({ length: CALLS }, async (_, n) => {
        const [client, name] = [workspace.client(n), names[n % names.length]!];
        const draw = random();
        if (draw < 0.1) await limitTo(client, name, priceOf(Math.floor(random() * 60) * CHARACTERS));
        else if (draw < 0.15) await lift(client, name);
        return speakFor(client, name);
      }),
    );
    stub.fault(null);
    await servers().withDatabase((database) =>
      until('all operations have ended', ENDED_WITHIN_MS, async () => (await openHolds(database)) === 0),
    );
    const counts = countsOf(codes);
    // It was a storm.
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['SERVED', 'END_USER_LIMIT_REACHED']));
    expect(Object.keys(counts).filter((code) => code.startsWith('PROVIDER_'))).not.toEqual([]);
    expect(await servers().findings(workspace.id)).toEqual([]);

    let charged = 0n;
    for (const name of names) {
      const used = await limitTo(workspace.client(0), name, 0n);
      charged += used;
      await limitTo(workspace.client(1), name, used + priceOf(3 * CHARACTERS));
      const last = await Promise.all(Array.from({ length: 8 }, (_, n) => speakFor(workspace.client(n), name)));
      expect(countsOf(last)).toEqual({ SERVED: 3, END_USER_LIMIT_REACHED: 5 });
    }
    expect(charged).toBe(priceOf((counts.SERVED ?? 0) * CHARACTERS));
    expect(await servers().findings(workspace.id)).toEqual([]);
  });
});
