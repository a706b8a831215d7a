import type { Queryable } from '../db/database';

/** Whose use is counted, and from when on: in the day, the period and the minute of one moment. */
export interface EndUserSpan {
  readonly workspaceId: string;
  readonly endUserId: string;
  /** UTC midnight. */
  readonly dayStart: Date;
  readonly periodNumber: number;
  readonly periodStart: Date;
  readonly minuteStart: Date;
}

/** What counts in the day, the period and the minute in which it began. Amounts are micro-credits. */
export interface EndUserUse {
  readonly day: bigint;
  readonly period: bigint;
  /** Operations. */
  readonly requests: number;
}

export interface SettledUse extends EndUserUse {
  /** The workspace's last event at the time: every event up to it is counted. */
  readonly sequence: bigint;
}

export const spanOf = (
  now: Date,
  endUserId: string,
  period: { readonly workspaceId: string; readonly periodNumber: number; readonly periodStart: Date },
): EndUserSpan => ({
  workspaceId: period.workspaceId,
  endUserId,
  dayStart: startOf(now, DAY_MS),
  periodNumber: period.periodNumber,
  periodStart: period.periodStart,
  minuteStart: startOf(now, MINUTE_MS),
});

/** Whether sums of the one are sums of the other; the minute, which is soon another, is left to the caller. */
export const sameSums = (a: EndUserSpan, b: EndUserSpan): boolean =>
  a.periodNumber === b.periodNumber &&
  a.periodStart.getTime() === b.periodStart.getTime() &&
  a.dayStart.getTime() === b.dayStart.getTime();

/**
 * What was charged for operations that began in the span and settled after the event `after`; null: for all of them.
 * It is read from the events of the end user, as only these say when an operation began; what began in a span has
 * settled in it or later, so that older ones are not looked at.
 */
export async function settledUse(database: Queryable, span: EndUserSpan, after: bigint | null): Promise<SettledUse> {
  const { rows } = await database.query<UseRow & { sequence: string }>(
    `SELECT a.event_sequence AS sequence, used.*
     FROM accounts a, (
       SELECT COALESCE(sum(credits) FILTER (WHERE created_at >= $3), 0) AS day,
         COALESCE(sum(credits) FILTER (WHERE created_at >= $4 AND period_number = $5), 0) AS period,
         count(*) FILTER (WHERE created_at >= $6)::integer AS requests
       FROM usage_events
       WHERE workspace_id = $1 AND end_user_id = $2 AND sequence >= COALESCE($7::bigint + 1,
         (SELECT e.sequence FROM usage_events e WHERE e.workspace_id = $1
            AND e.settled_at >= LEAST($3::timestamptz, $4::timestamptz) ORDER BY e.settled_at, e.sequence LIMIT 1))
     ) used
     WHERE a.workspace_id = $1`,
    [...placesOf(span), after?.toString() ?? null],
  );
  const row = rows[0]!;
  return { ...useOf(row), sequence: BigInt(row.sequence) };
}

/**
 * What the end user's open holds keep. From now on they count against limits, each in the day and the period in which
 * it was made. The account is locked.
 */
export async function countHolds(tx: Queryable, span: EndUserSpan): Promise<EndUserUse> {
  const { rows } = await tx.query<UseRow>(
    `WITH counted AS (
       UPDATE holds SET end_user_id = $2, end_user_amount = credits + overage,
         end_user_period = COALESCE(end_user_period, CASE WHEN created_at >= $4 THEN $5::integer ELSE $5 - 1 END)
       WHERE workspace_id = $1 AND details ->> 'end_user_id' = $2
       RETURNING created_at, end_user_amount AS amount, end_user_period AS period
     )
     SELECT COALESCE(sum(amount) FILTER (WHERE created_at >= $3), 0) AS day,
       COALESCE(sum(amount) FILTER (WHERE period = $5), 0) AS period,
       count(*) FILTER (WHERE created_at >= $6)::integer AS requests
     FROM counted`,
    placesOf(span),
  );
  return useOf(rows[0]!);
}

interface UseRow {
  day: string;
  period: string;
  requests: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Days and minutes of UTC are all of one length. */
const startOf = (moment: Date, lengthMs: number): Date => new Date(moment.getTime() - (moment.getTime() % lengthMs));

const useOf = ({ day, period, requests }: UseRow): EndUserUse => ({
  day: BigInt(day),
  period: BigInt(period),
  requests,
});

const placesOf = (span: EndUserSpan): unknown[] => [
  span.workspaceId,
  span.endUserId,
  span.dayStart,
  span.periodStart,
  span.periodNumber,
  span.minuteStart,
];
