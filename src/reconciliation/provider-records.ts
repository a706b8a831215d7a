import type { CountedUnit, UsageMeasure } from '../../providers/contract/usage';
import type { Database } from '../db/database';
import type { ComparedSpan } from './calendar';
import { Sums } from './quantity';

/** What a provider said it had counted. */
export interface ProviderRecord {
  readonly sums: Sums;
  /** When it was asked; of several answers, the oldest. */
  readonly countedAt: Date;
}

/** Keeps the last answer of each provider, for a time at which it cannot be asked. */
export class ProviderRecords {
  constructor(private readonly database: Database) {}

  /** Days without use are kept too: it was asked about them. */
  async keep(
    provider: string,
    { dates }: ComparedSpan,
    measures: readonly UsageMeasure[],
    sums: Sums,
  ): Promise<ProviderRecord> {
    const rows = dates.flatMap((date) =>
      measures.map(({ unit }) => ({ date, unit, quantity: sums.of(date, unit).toString() })),
    );
    const { rows: stored } = await this.database.query<{ fetched_at: Date }>(
      `INSERT INTO provider_usage_days (provider, date, unit, quantity, fetched_at)
       SELECT $1, r.date, r.unit, r.quantity, ledger_now()
       FROM jsonb_to_recordset($2::jsonb) r (date date, unit text, quantity numeric) ORDER BY r.date, r.unit
       ON CONFLICT (provider, date, unit) DO UPDATE SET quantity = EXCLUDED.quantity, fetched_at = EXCLUDED.fetched_at
       RETURNING fetched_at`,
      [provider, JSON.stringify(rows)],
    );
    return { sums, countedAt: stored[0]!.fetched_at };
  }

  /** null unless it was asked about every day of the span. */
  async lastKnown(
    provider: string,
    { dates }: ComparedSpan,
    measures: readonly UsageMeasure[],
  ): Promise<ProviderRecord | null> {
    const { rows } = await this.database.query<{
      date: string;
      unit: CountedUnit;
      quantity: string;
      fetched_at: Date;
    }>(
      `SELECT to_char(date, 'YYYY-MM-DD') AS date, unit, quantity, fetched_at FROM provider_usage_days
       WHERE provider = $1 AND date = ANY ($2::date[]) AND unit = ANY ($3::text[]) ORDER BY fetched_at`,
      [provider, dates, measures.map(({ unit }) => unit)],
    );
    if (rows.length < dates.length * measures.length) return null;
    const sums = new Sums();
    for (const { date, unit, quantity } of rows) sums.add(date, unit, BigInt(quantity));
    return { sums, countedAt: rows[0]!.fetched_at };
  }
}
