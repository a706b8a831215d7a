import type { Database, Queryable } from '../db/database';
import type { Clock } from '../lib/clock';
import { checkFirst, decodeCursor, encodeCursor, foreignCursor, type Page, pageOf } from '../lib/cursors';
import { AppError, badInput, notFound } from '../lib/errors';
import { isId } from '../lib/ids';
import {
  API_KEY_COLUMNS,
  type ApiKey,
  type ApiKeyRow,
  apiKeyOf,
  insertApiKey,
  type LockedWorkspace,
  lockWorkspace,
  requireLivingKey,
} from './api-key-records';
import { checkName, checkWholeNumber } from './input-rules';
import type { IdentityNotices } from './notices';
import type { Principal } from './principal';
import { requireScope } from './rights';
import { DEFAULT_SCOPES, inOrder, SCOPES, type Scope } from './scopes';
import { hashSecret, makeSecret, shownPrefix } from './secrets';

const GRACE_SECONDS_MAX = 604_800;

export interface CreateApiKey {
  readonly name: string;
  /** METERED and READ when left out. */
  readonly scopes?: readonly Scope[] | null;
  readonly expiresAt?: Date | null;
}

export interface RotateApiKey {
  readonly id: string;
  /** How long the old secret works beside the new one, 0 to 604,800 s; 0 when left out. */
  readonly graceSeconds?: number | null;
}

/** A key with its secret, which is nowhere else and is shown once. */
export interface ApiKeyWithSecret {
  readonly apiKey: ApiKey;
  readonly secret: string;
}

export interface KeyServiceDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly notices: IdentityNotices;
  /** The plan's number of active keys; null: no limit. */
  readonly maxApiKeys: (planId: string, agreedTerms: LockedWorkspace['agreedTerms']) => number | null;
}

/** The API keys of a workspace. A key of another workspace is answered like one that does not exist. */
export class KeyService {
  constructor(private readonly dependencies: KeyServiceDependencies) {}

  /** Newest first, revoked and expired ones included. */
  async list(workspaceId: string, first: number, after?: string | null): Promise<Page<ApiKey>> {
    const binding = { workspaceId, query: 'apiKeys' };
    const most = checkFirst(first);
    const [afterId = null] = decodeCursor(binding, after) ?? [];
    if (afterId !== null && !isId(afterId)) throw foreignCursor();
    // The place is read from the row itself, which is never removed: a timestamp sent out would lose its microseconds.
    const { rows } = await this.dependencies.database.query<ApiKeyRow>(
      `SELECT ${API_KEY_COLUMNS} FROM api_keys
       WHERE workspace_id = $1
         AND ($2::uuid IS NULL OR (created_at, id) < (SELECT p.created_at, p.id FROM api_keys p WHERE p.id = $2))
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [workspaceId, afterId, most + 1],
    );
    return pageOf(rows.map(apiKeyOf), most, after, (key) => encodeCursor(binding, [key.id]));
  }

  /** NOT_FOUND for an unknown id and for another workspace's. */
  async find(workspaceId: string, id: string): Promise<ApiKey> {
    return apiKeyOf(await readKey(this.dependencies.database, workspaceId, id, ''));
  }

  /**
   * Makes a key with at most the scopes of the one that asks. Errors: FORBIDDEN, BAD_USER_INPUT,
   * PLAN_LIMIT (limit, max, actual, plan) when the plan's number of active keys is reached.
   */
  async create(principal: Principal, input: CreateApiKey): Promise<ApiKeyWithSecret> {
    requireScope(principal, 'MANAGE');
    return this.make(principal.workspaceId, input, principal);
  }

  /** For the operator at the machine: any scope but ADMIN, which only the operator's own workspace holds. */
  async createAtTheMachine(workspaceId: string, input: CreateApiKey): Promise<ApiKeyWithSecret> {
    if (!isId(workspaceId)) throw noWorkspace();
    return this.make(workspaceId, input, null);
  }

  /**
   * Gives a key a new secret; id, name and scopes stay. The old secret works for `graceSeconds` more, at 0 not at all,
   * and one that was still in its grace ends now. Errors: NOT_FOUND, BAD_USER_INPUT, CONFLICT for a key that has
   * ended, FORBIDDEN when the key has a scope that the asking key lacks: its secret would give that scope away.
   */
  async rotate(principal: Principal, input: RotateApiKey): Promise<ApiKeyWithSecret> {
    requireScope(principal, 'MANAGE');
    const graceSeconds = checkWholeNumber('graceSeconds', input.graceSeconds ?? 0, 0, GRACE_SECONDS_MAX);
    const { workspaceId } = principal;
    const secret = makeSecret('api-key');
    const apiKey = await this.dependencies.database.transaction(async (tx) => {
      await lockWorkspace(tx, workspaceId);
      await requireLivingKey(tx, principal);
      const before = await readKey(tx, workspaceId, input.id, 'FOR UPDATE');
      requireGivable(principal, before.scopes);
      if (before.revoked_at) throw new AppError('CONFLICT', 'This API key was revoked; create a new one.');
      if (before.expires_at && before.expires_at.getTime() <= this.dependencies.clock.now()) {
        throw new AppError('CONFLICT', 'This API key has expired; create a new one.');
      }
      // Without grace the end lies at the epoch, so that it is past on every machine, however its clock is set.
      const { rows } = await tx.query<ApiKeyRow>(
        `UPDATE api_keys SET previous_hash = secret_hash, secret_hash = $2, prefix = $3,
           previous_valid_until = CASE WHEN $4::integer = 0 THEN to_timestamp(0)
             ELSE ledger_now() + make_interval(secs => $4::integer) END
         WHERE id = $1 RETURNING ${API_KEY_COLUMNS}`,
        [before.id, hashSecret(secret), shownPrefix(secret), graceSeconds],
      );
      return apiKeyOf(rows[0]!);
    });
    this.dependencies.notices.tell({ change: 'key-rotated', workspaceId, apiKeyId: apiKey.id });
    return { apiKey, secret };
  }

  /** Ends a key and every token that it made, at once and for good. Again: the same answer. Errors: NOT_FOUND. */
  async revoke(principal: Principal, id: string): Promise<ApiKey> {
    requireScope(principal, 'MANAGE');
    const { workspaceId } = principal;
    if (!isId(id)) throw notFound('API key');
    const { rows } = await this.dependencies.database.query<ApiKeyRow>(
      `UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ledger_now())
       WHERE id = $1 AND workspace_id = $2 RETURNING ${API_KEY_COLUMNS}`,
      [id, workspaceId],
    );
    if (!rows[0]) throw notFound('API key');
    this.dependencies.notices.tell({ change: 'key-revoked', workspaceId, apiKeyId: rows[0].id });
    return apiKeyOf(rows[0]);
  }

  private async make(workspaceId: string, input: CreateApiKey, maker: Principal | null): Promise<ApiKeyWithSecret> {
    const name = checkName(input.name);
    const scopes = checkScopes(input.scopes);
    const expiresAt = this.checkExpiry(input.expiresAt ?? null);
    if (maker) requireGivable(maker, scopes);
    const secret = makeSecret('api-key');
    const apiKey = await this.dependencies.database.transaction(async (tx) => {
      const workspace = await lockWorkspace(tx, workspaceId);
      if (!workspace) throw noWorkspace();
      if (maker) await requireLivingKey(tx, maker);
      if (scopes.includes('ADMIN') && !workspace.operator) {
        throw new AppError('FORBIDDEN', "Only keys of the operator's own workspace hold the scope ADMIN.");
      }
      if (!workspace.operator) await this.requireRoom(tx, workspaceId, workspace);
      return insertApiKey(tx, { workspaceId, name, secret, scopes, expiresAt });
    });
    this.dependencies.notices.tell({ change: 'key-created', workspaceId, apiKeyId: apiKey.id });
    return { apiKey, secret };
  }

  /** Counted by a statement of its own after the lock, so that it sees what was committed while it waited. */
  private async requireRoom(tx: Queryable, workspaceId: string, workspace: LockedWorkspace): Promise<void> {
    const { planId, agreedTerms } = workspace;
    const max = this.dependencies.maxApiKeys(planId, agreedTerms);
    if (max === null) return;
    const { rows } = await tx.query<{ active: number }>(
      `SELECT count(*)::integer AS active FROM api_keys
       WHERE workspace_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ledger_now())`,
      [workspaceId],
    );
    const actual = rows[0]!.active;
    if (actual < max) return;
    throw new AppError(
      'PLAN_LIMIT',
      `The plan allows ${max} active API keys, and ${actual} are active: revoke one, or move to a larger plan.`,
      { limit: 'API_KEYS', max, actual, plan: planId },
    );
  }

  private checkExpiry(expiresAt: Date | null): Date | null {
    // A date that cannot be read is NaN, and no comparison with NaN holds.
    if (expiresAt !== null && !(expiresAt.getTime() > this.dependencies.clock.now())) {
      throw badInput('expiresAt', 'expiresAt must lie in the future; leave it out for a key that does not expire.');
    }
    return expiresAt;
  }
}

async function readKey(tx: Queryable, workspaceId: string, id: string, lock: '' | 'FOR UPDATE'): Promise<ApiKeyRow> {
  if (!isId(id)) throw notFound('API key');
  const { rows } = await tx.query<ApiKeyRow>(
    `SELECT ${API_KEY_COLUMNS} FROM api_keys WHERE id = $1 AND workspace_id = $2 ${lock}`,
    [id, workspaceId],
  );
  if (!rows[0]) throw notFound('API key');
  return rows[0];
}

function checkScopes(scopes: readonly Scope[] | null | undefined): readonly Scope[] {
  if (scopes == null) return DEFAULT_SCOPES;
  if (scopes.length === 0 || scopes.some((scope) => !SCOPES.includes(scope))) {
    throw badInput('scopes', `scopes takes one or more of ${SCOPES.join(', ')}; leave it out for METERED and READ.`);
  }
  return inOrder(scopes);
}

function requireGivable(maker: Principal, scopes: readonly Scope[]): void {
  const lacking = scopes.filter((scope) => !maker.scopes.includes(scope));
  if (lacking.length === 0) return;
  throw new AppError(
    'FORBIDDEN',
    `A key gives away only scopes that it holds, and this one lacks ${lacking.join(', ')}; use a key that has them, or name fewer scopes.`,
  );
}

const noWorkspace = (): AppError => new AppError('NOT_FOUND', 'There is no such workspace.');
