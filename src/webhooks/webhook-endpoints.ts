import type { Database, Queryable } from '../db/database';
import type { Clock } from '../lib/clock';
import { AppError, badInput, notFound } from '../lib/errors';
import { isId, newId } from '../lib/ids';
import type { SealedSecret } from '../lib/secret-sealer';
import { findEndpoint, type OutboundRules } from './endpoint-url';
import { FIRST_PLACES } from './endpoint-work';
import { contentOf } from './message-maker';
import { isLog, isState, WEBHOOK_EVENTS, type WebhookEvent } from './webhook-event';
import { makeWebhookSecret, type WebhookSecretSealer } from './webhook-secret';
import type { WebhookSources } from './webhook-sources';

/** Endpoints of one workspace at most. */
const ENDPOINTS_MAX = 20;
/** How long a secret signs beside the one that took its place. */
const PREVIOUS_HOURS = 24;

/** An endpoint as people see it: never its secret. */
export interface WebhookEndpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly createdAt: Date;
}

export interface WebhookEndpointWithSecret {
  readonly endpoint: WebhookEndpoint;
  /** Shown now and never again. */
  readonly secret: string;
}

interface EndpointRow {
  id: string;
  url: string;
  events: WebhookEvent[] | null;
  created_at: Date;
}

export interface WebhookEndpointsDependencies extends OutboundRules {
  readonly database: Database;
  readonly clock: Clock;
  readonly sealer: WebhookSecretSealer;
  readonly sources: WebhookSources;
}

/** Within the transaction that makes a secret: whether the caller may still make one. @throws AppError */
export type Admit = (tx: Queryable) => Promise<void>;

const COLUMNS = 'id, url, events, created_at';

/** Where a workspace wants to be told of what happens. Another workspace's endpoint is answered like one that is missing. */
export class WebhookEndpoints {
  constructor(private readonly dependencies: WebhookEndpointsDependencies) {}

  /** At most 20, the oldest first. */
  async list(workspaceId: string): Promise<readonly WebhookEndpoint[]> {
    const { rows } = await this.dependencies.database.query<EndpointRow>(
      `SELECT ${COLUMNS} FROM webhook_endpoints WHERE workspace_id = $1 ORDER BY created_at, id`,
      [workspaceId],
    );
    return rows.map(endpointOf);
  }

  /** @throws AppError NOT_FOUND */
  async require(workspaceId: string, id: string): Promise<WebhookEndpoint> {
    const { rows } = isId(id)
      ? await this.dependencies.database.query<EndpointRow>(
          `SELECT ${COLUMNS} FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2`,
          [id, workspaceId],
        )
      : { rows: [] };
    if (!rows[0]) throw missing();
    return endpointOf(rows[0]);
  }

  /**
   * An endpoint that is told of what happens from now on, with its secret.
   * @param events null: all
   * @throws AppError BAD_USER_INPUT for a URL that may not be reached and an empty list, CONFLICT where there are 20
   */
  async create(
    workspaceId: string,
    input: { readonly url: string; readonly events: readonly WebhookEvent[] | null },
    admit: Admit,
  ): Promise<WebhookEndpointWithSecret> {
    const events = checkEvents(input.events);
    const { url } = await findEndpoint(input.url, this.dependencies);
    const contents = await this.contentsNow(workspaceId, events ?? WEBHOOK_EVENTS);
    const { database, clock, sealer } = this.dependencies;
    const id = newId(clock.now());
    const secret = makeWebhookSecret();
    const { sealedBy, sealed } = sealer.seal({ workspaceId, endpointId: id }, secret);
    const endpoint = await database.transaction(async (tx) => {
      // Two that ask at the same time must not both find room for one.
      await tx.query('SELECT 1 FROM workspaces WHERE id = $1 FOR NO KEY UPDATE', [workspaceId]);
      await admit(tx);
      await requireRoom(tx, workspaceId);
      const { rows } = await tx.query<EndpointRow>(
        `INSERT INTO webhook_endpoints (id, workspace_id, url, events, sealed_by, sealed, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, ledger_now()) RETURNING ${COLUMNS}`,
        [id, workspaceId, url.href, events, sealedBy, sealed],
      );
      await tx.query(FIRST_PLACES, [
        id,
        workspaceId,
        contents.map(({ event }) => event),
        contents.map((c) => c.content),
      ]);
      return endpointOf(rows[0]!);
    });
    return { endpoint, secret };
  }

  /** A new secret; the one before it signs beside it for 24 hours. @throws AppError NOT_FOUND */
  async rotate(workspaceId: string, id: string, admit: Admit): Promise<WebhookEndpointWithSecret> {
    const { database, sealer } = this.dependencies;
    const secret = makeWebhookSecret();
    const endpoint = await database.transaction(async (tx) => {
      await admit(tx);
      const { rows } = isId(id) ? await tx.query<EndpointRow>(ROTATE, rotation(workspaceId, id, sealer, secret)) : NONE;
      if (!rows[0]) throw missing();
      return endpointOf(rows[0]);
    });
    return { endpoint, secret };
  }

  /**
   * Removes an endpoint and answers its id: no further attempt begins. What waited for it and its log are removed in the
   * background. @throws AppError NOT_FOUND
   */
  async delete(workspaceId: string, id: string): Promise<string> {
    const { rows } = isId(id)
      ? await this.dependencies.database.query<{ endpoint_id: string }>(
          `WITH gone AS (DELETE FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2 RETURNING id)
           INSERT INTO webhook_removals (endpoint_id) SELECT id FROM gone RETURNING endpoint_id`,
          [id, workspaceId],
        )
      : { rows: [] };
    if (!rows[0]) throw missing();
    return rows[0].endpoint_id;
  }

  /** Forgets secrets whose time is over. */
  async forgetPreviousSecrets(): Promise<void> {
    await this.dependencies.database.query(
      `UPDATE webhook_endpoints SET previous_sealed_by = NULL, previous_sealed = NULL, previous_until = NULL
       WHERE previous_until <= ledger_now()`,
    );
  }

  /** The states as they are, so that only what differs from them is told. */
  private contentsNow(
    workspaceId: string,
    events: readonly WebhookEvent[],
  ): Promise<readonly { readonly event: WebhookEvent; readonly content: Buffer | null }[]> {
    const { states } = this.dependencies.sources;
    const told = events.filter((event) => isLog(event) || isState(event));
    return Promise.all(
      told.map(async (event) => ({
        event,
        content: isState(event) ? contentOf(await states[event](workspaceId)) : null,
      })),
    );
  }
}

const ROTATE = `UPDATE webhook_endpoints SET previous_sealed_by = sealed_by, previous_sealed = sealed,
    previous_until = ledger_now() + make_interval(hours => $5), sealed_by = $3, sealed = $4
  WHERE id = $1 AND workspace_id = $2 RETURNING ${COLUMNS}`;

function rotation(workspaceId: string, id: string, sealer: WebhookSecretSealer, secret: string): unknown[] {
  const endpointId = id.toLowerCase();
  const { sealedBy, sealed }: SealedSecret = sealer.seal({ workspaceId, endpointId }, secret);
  return [endpointId, workspaceId, sealedBy, sealed, PREVIOUS_HOURS];
}

const NONE: { readonly rows: readonly EndpointRow[] } = { rows: [] };

async function requireRoom(tx: Queryable, workspaceId: string): Promise<void> {
  const { rows } = await tx.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM webhook_endpoints WHERE workspace_id = $1',
    [workspaceId],
  );
  if (rows[0]!.count < ENDPOINTS_MAX) return;
  throw new AppError(
    'CONFLICT',
    `A workspace has at most ${ENDPOINTS_MAX} webhook endpoints; delete one that is not needed any more.`,
  );
}

/** Each once and in the schema's order. */
function checkEvents(events: readonly WebhookEvent[] | null): readonly WebhookEvent[] | null {
  if (events === null) return null;
  if (events.length === 0) throw badInput('events', 'events names no event; leave it out to be told of all.');
  return WEBHOOK_EVENTS.filter((event) => events.includes(event));
}

const missing = (): AppError => notFound('webhook endpoint');

const endpointOf = (row: EndpointRow): WebhookEndpoint => ({
  id: row.id,
  url: row.url,
  events: row.events ?? WEBHOOK_EVENTS,
  createdAt: row.created_at,
});
