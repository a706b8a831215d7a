import type { Queryable } from '../db/database';
import { micro } from '../lib/credits';
import type { PastEvent, PastPeriod } from '../metering/rerate';

export interface UsageRange {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  /** null: all. */
  readonly workspaceId: string | null;
}

export interface PastUsage {
  readonly event: PastEvent;
  readonly periodNumber: number;
  readonly period: PastPeriod;
  /** false: before the range, but in a period that reaches into it, so that its allowance is known. */
  readonly inRange: boolean;
}

interface Start {
  readonly workspace_id: string;
  readonly period_number: number;
}

interface Row {
  readonly id: string;
  /** Exact to the microsecond, which a Date is not. */
  readonly place: string;
  readonly capability: PastEvent['capability'];
  readonly provider_id: string | null;
  readonly model: string | null;
  readonly quality: PastEvent['quality'];
  readonly status: PastEvent['status'];
  readonly credential: string;
  readonly characters: string;
  readonly audio_milliseconds: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly requests: number;
  readonly allowance_characters: string;
  readonly credits: string;
  readonly anomaly_credits: string;
  readonly rate_card_version: string;
  readonly created_at: Date;
  readonly period_number: number;
  readonly plan_id: string;
  readonly period_start: Date;
}

const WORKSPACES_A_PAGE = 500;
/** Longer than any period: a period that reaches into the range began after this. */
const BEFORE_MS = 32 * 86_400_000;

const STARTS = `
  SELECT a.workspace_id, e.period_number FROM accounts a
  CROSS JOIN LATERAL (
    SELECT period_number FROM usage_events
    WHERE workspace_id = a.workspace_id AND created_at >= $3 AND created_at < $4 ORDER BY created_at LIMIT 1
  ) e
  WHERE a.workspace_id > $1 AND ($2::uuid IS NULL OR a.workspace_id = $2)
  ORDER BY a.workspace_id LIMIT $5`;

const EVENTS = `
  SELECT e.id, e.created_at::text AS place, e.capability, e.provider_id, e.model, e.quality, e.status, e.credential,
    e.characters, e.audio_milliseconds, e.input_tokens, e.output_tokens, e.requests, e.allowance_characters, e.credits,
    e.anomaly_credits, e.rate_card_version, e.created_at, e.period_number, p.plan_id, p.period_start
  FROM usage_events e JOIN billing_periods p ON p.workspace_id = e.workspace_id AND p.number = e.period_number
  WHERE e.workspace_id = $1 AND e.created_at < $2 AND e.period_number >= $3
    AND (e.created_at, e.id) > ($4::timestamptz, $5::uuid)
  ORDER BY e.created_at, e.id LIMIT $6`;

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Every workspace with usage in the range, by id. Events of one are read in pages and never kept. */
export async function* workspacesWithUsage(
  database: Queryable,
  range: UsageRange,
  pageSize = 2_000,
): AsyncGenerator<{ readonly workspaceId: string; readonly usage: AsyncGenerator<PastUsage> }> {
  let last = NO_ID;
  for (;;) {
    const { rows } = await database.query<Start>(STARTS, [
      last,
      range.workspaceId,
      range.from,
      range.to,
      WORKSPACES_A_PAGE,
    ]);
    for (const start of rows) {
      yield { workspaceId: start.workspace_id, usage: usageOf(database, start, range, pageSize) };
      last = start.workspace_id;
    }
    if (rows.length < WORKSPACES_A_PAGE) return;
  }
}

/** In the order in which operations were held. */
async function* usageOf(
  database: Queryable,
  { workspace_id: workspaceId, period_number: firstPeriod }: Start,
  { from, to }: UsageRange,
  pageSize: number,
): AsyncGenerator<PastUsage> {
  let place: string = new Date(from.getTime() - BEFORE_MS).toISOString();
  let id = NO_ID;
  for (;;) {
    const { rows } = await database.query<Row>(EVENTS, [workspaceId, to, firstPeriod, place, id, pageSize]);
    for (const row of rows) yield pastUsage(row, from);
    const last = rows[rows.length - 1];
    if (!last || rows.length < pageSize) return;
    ({ place, id } = last);
  }
}

function pastUsage(row: Row, from: Date): PastUsage {
  return {
    periodNumber: row.period_number,
    period: { planId: row.plan_id, start: row.period_start },
    inRange: row.created_at >= from,
    event: {
      capability: row.capability,
      provider: row.provider_id,
      model: bareName(row.model),
      quality: row.quality,
      status: row.status,
      ownKey: row.credential === 'REQUEST_KEY' || row.credential === 'STORED_KEY',
      quantities: {
        CHARACTER: BigInt(row.characters),
        AUDIO_SECOND: BigInt(row.audio_milliseconds),
        INPUT_TOKEN: BigInt(row.input_tokens),
        OUTPUT_TOKEN: BigInt(row.output_tokens),
        REQUEST: BigInt(row.requests),
      },
      allowance: BigInt(row.allowance_characters),
      credits: micro(row.credits),
      anomaly: micro(row.anomaly_credits),
      rateCardVersion: row.rate_card_version,
      heldAt: row.created_at,
    },
  };
}

/** Events name a model with its provider before a slash. */
const bareName = (model: string | null): string | null => (model === null ? null : model.slice(model.indexOf('/') + 1));
