import type { Database } from '../db/database';
import type { UsageEventRow } from '../ledger/usage-event';

/** Of the events of a workspace, those that are wanted; null does not narrow, and an empty list leaves nothing. */
export interface UsageLogFilter {
  /** Settled at `start` or later, and before `end`. */
  readonly start: Date | null;
  readonly end: Date | null;
  readonly capabilities: readonly string[] | null;
  readonly providers: readonly string[] | null;
  readonly status: string | null;
  readonly endUserId: string | null;
  /** Each of them a UUID. */
  readonly apiKeyIds: readonly string[] | null;
  /** A client token sees its own events alone. */
  readonly clientTokenId: string | null;
}

export interface UsageLogQuery {
  readonly workspaceId: string;
  readonly filter: UsageLogFilter;
}

/**
 * Usage events one by one, newest first. A page is read from where the one before ended: events are numbered as they
 * settle, so those that come in meanwhile do not disturb it. Numbers and times of settlement rise together, hence a span
 * of time is a span of numbers, and one index serves every page, however old.
 */
export class UsageLog {
  constructor(private readonly database: Database) {}

  /** @param before the `sequence` of the last event before; null: from the newest */
  async read({ workspaceId, filter }: UsageLogQuery, before: string | null, limit: number): Promise<UsageEventRow[]> {
    const parameters: unknown[] = [];
    const value = (parameter: unknown): string => `$${parameters.push(parameter)}`;
    const workspace = value(workspaceId);
    const conditions = [`workspace_id = ${workspace}`];
    /** The number of the first event that settled at a moment or later. */
    const firstAt = (moment: string): string =>
      `COALESCE((SELECT sequence FROM usage_events WHERE workspace_id = ${workspace} AND settled_at >= ${moment}
         ORDER BY settled_at, sequence LIMIT 1), ${BEYOND})`;
    const since = (moment: string): void =>
      void conditions.push(`settled_at >= ${moment}`, `sequence >= ${firstAt(moment)}`);
    if (before !== null) conditions.push(`sequence < ${value(before)}`);
    if (filter.start) since(`${value(filter.start)}::timestamptz`);
    if (filter.end) {
      const end = `${value(filter.end)}::timestamptz`;
      conditions.push(`settled_at < ${end}`, `sequence < ${firstAt(end)}`);
    }
    if (filter.capabilities) conditions.push(`capability = ANY (${value(filter.capabilities)}::text[])`);
    if (filter.providers) conditions.push(`provider_id = ANY (${value(filter.providers)}::text[])`);
    if (filter.status !== null) conditions.push(`status = ${value(filter.status)}`);
    if (filter.endUserId !== null) conditions.push(`end_user_id = ${value(filter.endUserId)}`);
    if (filter.apiKeyIds) conditions.push(`api_key_id = ANY (${value(filter.apiKeyIds)}::uuid[])`);
    if (filter.clientTokenId !== null) {
      const token = value(filter.clientTokenId);
      conditions.push(`client_token_id = ${token}`);
      // It has no events from before it was made; without this, all of the workspace's would be looked through.
      since(`(SELECT created_at FROM client_tokens WHERE id = ${token})`);
    }
    const { rows } = await this.database.query<UsageEventRow>(
      `SELECT * FROM usage_events WHERE ${conditions.join(' AND ')} ORDER BY sequence DESC LIMIT ${value(limit)}`,
      parameters,
    );
    return rows;
  }
}

/** Beyond any number: PostgreSQL's largest bigint. */
const BEYOND = '9223372036854775807';
