import type { Database } from '../db/database';
import type { SealedSecret } from '../lib/secret-sealer';
import type { WebhookEvent } from './webhook-event';

/** A process that died leaves its endpoints to others after so long. */
export const LEASE_SECONDS = 30;

/**
 * What a state's rows are now, in a few bytes. Holds are left out: they come and go with every operation, and its end
 * is seen by the sequence.
 */
const VERSION = `CASE p.event
  WHEN 'BALANCE_CHANGED' THEN md5(ROW(a.event_sequence, a.spendable, a.overage_used, a.overage_rate, a.overage_limit,
    a.allowance_used, a.allowance_limit, a.plan_id, a.period_number, a.period_end, a.blocked, a.overage_stopped,
    a.low_balance_threshold)::text)
  WHEN 'SUBSCRIPTION_CHANGED' THEN md5(ROW(a.plan_id, a.pending_plan_id, a.agreed_terms, a.blocked, a.period_start,
    a.period_end, s.payment_provider, s.subscription_id, s.plan_id, s.status, s.period_start, s.period_end, s.trial_end,
    s.cancel_at_period_end, s.pending_plan_id)::text)
END`;
const LAST = `CASE p.event WHEN 'USAGE_SETTLED' THEN a.event_sequence
  WHEN 'ALERT_RAISED' THEN COALESCE(w.last_sequence, 0) END`;

/** Places with where the workspace is now beside where the endpoint was told to. */
const PLACES = `webhook_places p JOIN accounts a ON a.workspace_id = p.workspace_id
  LEFT JOIN alert_watches w ON w.workspace_id = p.workspace_id
  LEFT JOIN subscriptions s ON s.workspace_id = p.workspace_id`;

/** A state is told once a second at most. */
const BEHIND = `CASE WHEN p.sequence IS NOT NULL THEN ${LAST} > p.sequence
  ELSE ${VERSION} <> p.version AND (p.told_at IS NULL OR p.told_at <= ledger_now() - interval '1 second') END`;

/** Places of a new endpoint: it is told of what comes. */
export const FIRST_PLACES = `
INSERT INTO webhook_places (endpoint_id, event, workspace_id, sequence, version, content)
SELECT p.endpoint_id, p.event, p.workspace_id, ${LAST}, ${VERSION}, p.content
FROM unnest($3::text[], $4::bytea[]) AS given (event, content)
CROSS JOIN LATERAL (SELECT $1::uuid AS endpoint_id, given.event, $2::uuid AS workspace_id, given.content) p
JOIN accounts a ON a.workspace_id = p.workspace_id
LEFT JOIN alert_watches w ON w.workspace_id = p.workspace_id
LEFT JOIN subscriptions s ON s.workspace_id = p.workspace_id`;

export interface ClaimedEndpoint {
  readonly id: string;
  readonly workspaceId: string;
}

/** A kind of event of which an endpoint has not been told all. */
export interface PlaceBehind {
  readonly event: WebhookEvent;
  /** Told up to this one, and the newest that there is; null for a state. */
  readonly sequence: bigint | null;
  readonly last: bigint | null;
  /** Of a state: the version that was looked at last, the present one, and the digest of what was told (null: nothing yet). */
  readonly version: string | null;
  readonly currentVersion: string | null;
  readonly content: string | null;
}

/** An endpoint as its owner works for it. */
export interface OwnedEndpoint extends ClaimedEndpoint {
  readonly url: string;
  readonly secret: SealedSecret;
  /** null: the one before has ended. */
  readonly previousSecret: SealedSecret | null;
  readonly failures: number;
  readonly paused: boolean;
  readonly behind: readonly PlaceBehind[];
}

interface OwnedRow {
  id: string;
  workspace_id: string;
  url: string;
  sealed_by: Buffer;
  sealed: Buffer;
  previous_sealed_by: Buffer | null;
  previous_sealed: Buffer | null;
  failures: number;
  paused: boolean;
  behind: {
    event: WebhookEvent;
    sequence: string | null;
    last: string | null;
    version: string | null;
    currentVersion: string | null;
    content: string | null;
  }[];
}

/**
 * Which process works for which endpoint. An endpoint has one owner at a time, for the time of a lease that is renewed
 * while there is work; so attempts are counted, and limited, over all processes.
 */
export class EndpointWork {
  constructor(
    private readonly database: Database,
    private readonly owner: string,
  ) {}

  /**
   * Takes endpoints that have something to send or to be told and that nobody works for.
   * @param workspaceIds only theirs; null: anybody's
   */
  async claim(most: number, workspaceIds: readonly string[] | null): Promise<readonly ClaimedEndpoint[]> {
    const { rows } = await this.database.query<{ id: string; workspace_id: string }>(
      `WITH free AS (
         SELECT e.id FROM webhook_endpoints e
         WHERE ${workspaceIds === null ? '$4::uuid[] IS NULL' : 'e.workspace_id = ANY ($4::uuid[])'}
           AND (e.owner IS NULL OR e.due_at <= ledger_now()) AND e.paused_until <= ledger_now()
           AND (e.due_at <= ledger_now() OR e.id IN (SELECT p.endpoint_id FROM ${PLACES}
             WHERE ${workspaceIds === null ? '' : 'p.workspace_id = ANY ($4::uuid[]) AND '}${BEHIND}))
         ORDER BY e.due_at LIMIT $2 FOR UPDATE OF e SKIP LOCKED
       )
       UPDATE webhook_endpoints e SET owner = $1, due_at = ledger_now() + make_interval(secs => $3)
       FROM free WHERE e.id = free.id RETURNING e.id, e.workspace_id`,
      [this.owner, most, LEASE_SECONDS, workspaceIds],
    );
    return rows.map((row) => ({ id: row.id, workspaceId: row.workspace_id }));
  }

  /** Answers which of them are still ours: the others were deleted, or were taken after a pause of ours. */
  async renew(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.database.query<{ id: string }>(
      `UPDATE webhook_endpoints SET due_at = ledger_now() + make_interval(secs => $3)
       WHERE id = ANY ($1::uuid[]) AND owner = $2 RETURNING id`,
      [ids, this.owner, LEASE_SECONDS],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** As it is now, with what it is still to be told; null: it is not ours any more. */
  async open(id: string): Promise<OwnedEndpoint | null> {
    const { rows } = await this.database.query<OwnedRow>(
      `SELECT e.id, e.workspace_id, e.url, e.sealed_by, e.sealed, e.failures, e.paused_until > ledger_now() AS paused,
         CASE WHEN e.previous_until > ledger_now() THEN e.previous_sealed_by END AS previous_sealed_by,
         CASE WHEN e.previous_until > ledger_now() THEN e.previous_sealed END AS previous_sealed,
         COALESCE((SELECT jsonb_agg(jsonb_build_object('event', p.event, 'sequence', p.sequence::text,
             'last', (${LAST})::text, 'version', p.version, 'currentVersion', ${VERSION},
             'content', encode(p.content, 'hex')))
           FROM ${PLACES} WHERE p.endpoint_id = e.id AND ${BEHIND}), '[]') AS behind
       FROM webhook_endpoints e WHERE e.id = $1 AND e.owner = $2`,
      [id, this.owner],
    );
    const row = rows[0];
    if (!row) return null;
    const { previous_sealed_by: previousBy, previous_sealed: previous } = row;
    return {
      id: row.id,
      workspaceId: row.workspace_id,
      url: row.url,
      secret: { sealedBy: row.sealed_by, sealed: row.sealed },
      previousSecret: previousBy && previous ? { sealedBy: previousBy, sealed: previous } : null,
      failures: row.failures,
      paused: row.paused,
      behind: row.behind.map((place) => ({
        ...place,
        sequence: place.sequence === null ? null : BigInt(place.sequence),
        last: place.last === null ? null : BigInt(place.last),
      })),
    };
  }

  /**
   * Lets an endpoint go until something is due for it. Answers in how many milliseconds that is; null: nothing waits,
   * or it was not ours any more.
   * @param pauseMs it is left alone for so long
   */
  async release(id: string, failures: number, pauseMs: number): Promise<number | null> {
    const { rows } = await this.database.query<{ wait: number | null }>(
      `UPDATE webhook_endpoints e SET owner = NULL, failures = $3,
         paused_until = CASE WHEN $4::double precision > 0 THEN GREATEST(e.paused_until,
           ledger_now() + make_interval(secs => $4::double precision / 1000)) ELSE e.paused_until END,
         due_at = COALESCE((SELECT m.next_attempt_at FROM webhook_messages m WHERE m.endpoint_id = e.id
           ORDER BY m.next_attempt_at LIMIT 1), 'infinity')
       WHERE e.id = $1 AND e.owner = $2
       RETURNING CASE WHEN isfinite(e.due_at) THEN
         (extract(epoch FROM GREATEST(e.due_at, e.paused_until) - ledger_now()) * 1000)::double precision END AS wait`,
      [id, this.owner, failures, pauseMs],
    );
    const wait = rows[0]?.wait ?? null;
    return wait === null ? null : Math.max(0, Math.ceil(wait));
  }

  /** Workspaces that have an endpoint. */
  async workspaces(): Promise<readonly string[]> {
    const { rows } = await this.database.query<{ workspace_id: string }>(
      'SELECT DISTINCT workspace_id FROM webhook_endpoints',
    );
    return rows.map((row) => row.workspace_id);
  }
}
