import type { Database } from '../../../src/db/database';
import { verifyLedger } from '../../../src/ledger/verify';
import { formatCredits } from '../../../src/lib/credits';
import type { TortureAnswer, TortureCall } from './torture-load';

/** Everything that `polyphony ledger verify` finds, and holds whose lease runs for longer than leases do. */
export async function checkBooks(database: Database): Promise<{ findings: string[]; openHolds: number }> {
  const { findings, openHolds } = await database.transaction(verifyLedger);
  const { rows } = await database.query<{ operation_id: string; lease_until: Date }>(
    `SELECT operation_id, lease_until FROM holds WHERE lease_until > ledger_now() + interval '60 seconds'`,
  );
  return {
    openHolds,
    findings: [
      ...findings.map(({ invariant, detail }) => `not true that ${invariant}: ${detail}`),
      ...rows.map((row) => `the hold of ${row.operation_id} lasts until ${row.lease_until.toISOString()}`),
    ],
  };
}

interface Charged {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly credits: string;
  /** What the journal has of it. */
  readonly journal: string;
}

const isAnswer = (outcome: TortureCall['outcome']): outcome is TortureAnswer =>
  outcome !== null && outcome !== 'REFUSED';

/**
 * Every answer that was given stands in the books once, with its id and its charge; what was refused stands nowhere; and
 * a call without an answer was carried out at most once, under a key and without.
 */
export async function checkCalls(database: Database, calls: readonly TortureCall[]): Promise<string[]> {
  const { rows } = await database.query<Charged>(
    `SELECT e.id, e.end_user_id AS name, e.status, e.credits,
       COALESCE((SELECT -sum(j.amount) FROM journal j WHERE j.operation_id = e.id), 0) AS journal
     FROM usage_events e WHERE e.end_user_id = ANY ($1)`,
    [calls.map(({ name }) => name)],
  );
  const eventsOf = new Map<string, Charged[]>();
  for (const row of rows) eventsOf.set(row.name, [...(eventsOf.get(row.name) ?? []), row]);
  return calls.flatMap((call) =>
    faultsOf(call, eventsOf.get(call.name) ?? []).map((fault) => `${call.name}: ${fault}`),
  );
}

function faultsOf({ outcome }: TortureCall, events: readonly Charged[]): string[] {
  const faults: string[] = [];
  const succeeded = events.filter(({ status }) => status === 'SUCCEEDED');
  for (const event of events) {
    if (event.status !== 'SUCCEEDED' && event.status !== 'UNKNOWN') faults.push(`${event.id} is ${event.status}`);
    if (event.status === 'UNKNOWN' && event.credits !== '0') faults.push(`${event.id} is UNKNOWN and was charged`);
    if (event.credits !== event.journal)
      faults.push(`${event.id} is charged ${event.credits}, entered ${event.journal}`);
  }
  if (succeeded.length > 1) faults.push(`it was charged ${succeeded.length} times`);
  if (outcome === 'REFUSED' && events.length > 0) faults.push('it was refused and has an event');
  if (!isAnswer(outcome)) return faults;
  const [event] = succeeded;
  if (!event) faults.push(`it was answered with ${outcome.id}, which is not in the books`);
  else if (event.id !== outcome.id) faults.push(`it was answered with ${outcome.id}, and ${event.id} was charged`);
  else if (formatCredits(BigInt(event.credits)) !== outcome.credits) {
    faults.push(`it was told ${outcome.credits} credits, and charged ${event.credits} micro-credits`);
  }
  return faults;
}

/** What was granted is what was spent and what remains; nothing is held. */
export async function checkSums(database: Database, workspaceId: string): Promise<string[]> {
  const { rows } = await database.query<Record<'granted' | 'spent' | 'remaining' | 'held', string>>(
    `SELECT a.spendable AS remaining, a.held,
       COALESCE((SELECT sum(g.credits) FROM grants g WHERE g.workspace_id = a.workspace_id), 0) AS granted,
       COALESCE((SELECT sum(e.credits) FROM usage_events e WHERE e.workspace_id = a.workspace_id), 0) AS spent
     FROM accounts a WHERE a.workspace_id = $1`,
    [workspaceId],
  );
  const { granted, spent, remaining, held } = rows[0]!;
  const faults: string[] = [];
  if (BigInt(granted) !== BigInt(spent) + BigInt(remaining)) {
    faults.push(`${granted} micro-credits were granted, ${spent} are spent and ${remaining} remain`);
  }
  if (held !== '0') faults.push(`${held} micro-credits are held by nobody`);
  return faults;
}

export async function openHolds(database: Database): Promise<number> {
  const { rows } = await database.query<{ count: number }>('SELECT count(*)::integer AS count FROM holds');
  return rows[0]!.count;
}
