import type { CountedCapability, CountedUnit, UsageSpan } from '../../providers/contract/usage';
import type { Database } from '../db/database';
import type { OwnQuantities } from './quantity';

/** An operation whose provider was called and whose outcome was lost. */
export interface LostEvent extends OwnQuantities {
  readonly id: string;
  readonly workspace_id: string;
  readonly capability: CountedCapability;
  /** provider/name. */
  readonly model: string | null;
  /** When the provider was about to be called. */
  readonly created_at: Date;
  /** When the loss was noticed. */
  readonly settled_at: Date;
}

/** What a provider's record says of one. */
export interface Finding {
  readonly event: LostEvent;
  /** The day that the provider counted it on, YYYY-MM-DD. */
  readonly date: string;
  /** The request that it was; null where the provider lists none, or has none for it. */
  readonly requestId: string | null;
  /** Millionths by unit; all 0: the provider counted nothing. */
  readonly counts: Readonly<Partial<Record<CountedUnit, bigint>>>;
}

/** Sums and requests of events that were found before. */
export interface FoundBefore {
  readonly sums: readonly { readonly date: string; readonly unit: CountedUnit; readonly quantity: bigint }[];
  readonly requestIds: ReadonlySet<string>;
}

/** Of one run; what is more is left to the next. */
export const LOST_EVENTS_MAX = 10_000;

const UNIQUE_VIOLATION = '23505';

/** The index of unresolved events is by their settlement, which comes after their beginning. */
const UNRESOLVED = `status = 'UNKNOWN' AND reconciled_at IS NULL AND provider_id = $1 AND credential = 'PLATFORM'
  AND settled_at >= $2 AND created_at >= $2 AND created_at < $3`;

/** The operations that wait for reconciliation, and their end. They stay UNKNOWN and cost nothing, whatever is found. */
export class LostEvents {
  constructor(private readonly database: Database) {}

  /** Those that began in the span and wait, oldest first. */
  async waiting(provider: string, { start, end }: UsageSpan): Promise<readonly LostEvent[]> {
    const { rows } = await this.database.query<LostEvent>(
      `SELECT id, workspace_id, capability, model, created_at, settled_at, characters, input_tokens, output_tokens,
         COALESCE(estimated_audio_milliseconds, 0) AS audio_milliseconds
       FROM usage_events WHERE ${UNRESOLVED} ORDER BY created_at, id LIMIT ${LOST_EVENTS_MAX}`,
      [provider, start, end],
    );
    return rows;
  }

  async count(provider: string, { start, end }: UsageSpan): Promise<number> {
    const { rows } = await this.database.query<{ waiting: string }>(
      `SELECT count(*) AS waiting FROM usage_events WHERE ${UNRESOLVED}`,
      [provider, start, end],
    );
    return Number(rows[0]!.waiting);
  }

  /** Of a span of whole days. */
  async foundBefore(provider: string, { start, end }: UsageSpan): Promise<FoundBefore> {
    const { rows } = await this.database.query<{
      date: string;
      request_id: string | null;
      counts: Record<CountedUnit, string>;
    }>(
      `SELECT to_char(date, 'YYYY-MM-DD') AS date, request_id, counts FROM reconciled_events
       WHERE provider = $1 AND date >= ($2::timestamptz AT TIME ZONE 'UTC')::date - 1
         AND date <= ($3::timestamptz AT TIME ZONE 'UTC')::date`,
      [provider, start, end],
    );
    const sums = rows.flatMap(({ date, counts }) =>
      Object.entries(counts).map(([unit, text]) => ({ date, unit: unit as CountedUnit, quantity: BigInt(text) })),
    );
    return { sums, requestIds: new Set(rows.flatMap(({ request_id }) => request_id ?? [])) };
  }

  /**
   * Records what was found, in one statement. false where another run was first: with the event, or with the request that it
   * was taken for.
   */
  async record(provider: string, { event, date, requestId, counts }: Finding): Promise<boolean> {
    const texts = Object.fromEntries(Object.entries(counts).map(([unit, quantity]) => [unit, quantity.toString()]));
    try {
      const { rowCount } = await this.database.query(
        `WITH found AS (
           UPDATE usage_events SET reconciled_at = ledger_now(), provider_count = $3
           WHERE id = $1 AND workspace_id = $2 AND status = 'UNKNOWN' AND reconciled_at IS NULL
           RETURNING id, workspace_id, reconciled_at
         )
         INSERT INTO reconciled_events (event_id, workspace_id, provider, date, request_id, counts, reconciled_at)
         SELECT id, workspace_id, $4, $5::date, $6, $7, reconciled_at FROM found RETURNING event_id`,
        [event.id, event.workspace_id, providerCount(counts), provider, date, requestId, texts],
      );
      return rowCount > 0;
    } catch (error) {
      if ((error as { code?: string }).code === UNIQUE_VIOLATION) return false;
      throw error;
    }
  }
}

const MILLION = 1_000_000;

/** In the form that providers' counts of other events have. */
function providerCount(counts: Finding['counts']): Record<string, unknown> {
  const numberOf = (unit: CountedUnit): number => Number(counts[unit] ?? 0n) / MILLION;
  if (counts.CHARACTER !== undefined) return { unit: 'characters', quantity: numberOf('CHARACTER') };
  if (counts.AUDIO_SECOND !== undefined) return { unit: 'seconds', quantity: numberOf('AUDIO_SECOND') };
  const [inputTokens, outputTokens] = [numberOf('INPUT_TOKEN'), numberOf('OUTPUT_TOKEN')];
  return { unit: 'tokens', quantity: inputTokens + outputTokens, inputTokens, outputTokens };
}
