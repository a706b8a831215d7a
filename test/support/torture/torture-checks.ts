import type { Database } from '../../../src/db/database';
import { formatCredits } from '../../../src/lib/credits';
import type { TortureAnswer, TortureCall } from './torture-load';

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
