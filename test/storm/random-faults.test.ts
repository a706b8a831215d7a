import { formatCredits } from '../../src/lib/credits';
import { openHolds } from '../support/books';
import { type FaultFunction, Gate, randomFaults, type StubFault, seededRandom } from '../support/provider-stub';
import { readBalance, spendAll } from '../support/storm-credits';
import { printSeed, TEST_SEED } from '../support/test-seed';
import { until } from '../support/until';
import { RandomOperations, type Told } from './support/random-operations';
import { describeStorm, type StormServers } from './support/storm-servers';

const OPERATIONS = 2_000;
const AT_ONCE = 96;
const SOCKETS_OF_A_PROCESS = 4;
/** Enough for all of them, and few enough to be spent afterwards. */
const CHARACTERS = 100_000;
const FAULTS_SHARE = 0.4;
const ENDED_WITHIN_MS = 30_000;
const TIMEOUT_MS = 300_000;

const json = (status: number): StubFault => ({
  kind: 'answer',
  status,
  body: { detail: { status: 'stub_error', message: 'The stand-in fails as it was told.' } },
});
const FAULTS: readonly (StubFault | (() => StubFault))[] = [
  json(400),
  json(429),
  json(500),
  json(503),
  { kind: 'hang-up' },
  { kind: 'cut-mid-body' },
  { kind: 'stall-before-headers' },
  { kind: 'stall-mid-body' },
  { kind: 'empty' },
  { kind: 'malformed' },
  { kind: 'content-type', type: 'text/html' },
  { kind: 'error-in-200', body: { detail: { status: 'stub_error', message: 'An error under another name.' } } },
  slowly,
  slowly,
  slowly,
];

/** Piece by piece, so that those who leave do so in the middle. */
function slowly(): StubFault {
  const gate = new Gate();
  const timer = setInterval(() => gate.release(), 5);
  setTimeout(() => {
    clearInterval(timer);
    gate.open();
  }, 200);
  return { kind: 'gated', gate };
}

const ofSpeech =
  (faults: FaultFunction): FaultFunction =>
  (request) =>
    request.operation === 'speech' ? faults(request) : undefined;

beforeAll(printSeed);

describeStorm('2,000 operations while the provider fails and callers leave', (servers) => {
  it(
    'leave no hold, a ledger that is right, and a remainder that can be spent whole',
    async () => {
      const { stub } = servers();
      const workspace = await servers().workspaceFor(CHARACTERS);
      const sockets = await Promise.all(
        Array.from({ length: SOCKETS_OF_A_PROCESS * workspace.clients.length }, (_, n) => workspace.client(n).socket()),
      );
      stub.fault(ofSpeech(randomFaults(TEST_SEED, FAULTS_SHARE, FAULTS)));
      const operations = new RandomOperations(workspace, sockets, seededRandom(TEST_SEED + 1));
      await operations.run(OPERATIONS, AT_ONCE);
      await servers().withDatabase((database) =>
        until('all operations have ended', ENDED_WITHIN_MS, async () => (await openHolds(database)) === 0),
      );
      stub.fault(null);

      expect(operations.faults).toEqual([]);
      // It was a storm: nothing of it was missing.
      expect(Object.keys(operations.outcomes)).toEqual(
        expect.arrayContaining([
          'SERVED',
          'STREAMED',
          'CANCELLED',
          'LEFT',
          'ABORTED',
          'PROVIDER_REJECTED',
          'PROVIDER_UNAVAILABLE',
        ]),
      );
      expect(await servers().findings(workspace.id)).toEqual([]);
      expect(await toldWrongly(servers(), operations.told)).toEqual([]);
      const { held } = await readBalance(workspace.client(1));
      expect(held).toBe(0n);
      await spendAll(workspace.client(0));
      expect(await servers().findings(workspace.id)).toEqual([]);
      expect(await servers().stop()).toEqual(workspace.clients.map(() => 0));
    },
    TIMEOUT_MS,
  );
});

/** What was told to callers and stands otherwise in the books. */
async function toldWrongly(servers: StormServers, told: readonly Told[]): Promise<string[]> {
  const charged = await servers.withDatabase(
    async (database) =>
      (
        await database.query<{ id: string; status: string; credits: string }>(
          'SELECT id, status, credits FROM usage_events WHERE id = ANY ($1)',
          [told.map(({ id }) => id)],
        )
      ).rows,
  );
  const eventOf = new Map(charged.map((event) => [event.id, event]));
  return told.flatMap(({ id, credits }) => {
    const event = eventOf.get(id);
    const stands = event && `${event.status} ${formatCredits(BigInt(event.credits))}`;
    return stands === `SUCCEEDED ${credits}` ? [] : [`${id}: told ${credits}, stands as ${stands ?? 'nothing'}`];
  });
}
