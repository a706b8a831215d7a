import type { Queryable } from '../db/database';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import type { Principal } from './principal';
import { unauthenticated } from './refusals';
import type { Scope } from './scopes';
import { hashSecret, shownPrefix } from './secrets';

/** An API key as people see it. Neither its secret nor the secret's hash is part of it. */
export interface ApiKey {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  /** The first characters of the secret. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface ApiKeyRow {
  id: string;
  workspace_id: string;
  name: string;
  prefix: string;
  scopes: Scope[];
  created_at: Date;
  last_used_at: Date | null;
  expires_at: Date | null;
  revoked_at: Date | null;
}

export const API_KEY_COLUMNS =
  'id, workspace_id, name, prefix, scopes, created_at, last_used_at, expires_at, revoked_at';

export const apiKeyOf = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  workspaceId: row.workspace_id,
  name: row.name,
  prefix: row.prefix,
  scopes: row.scopes,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});

export interface NewApiKey {
  readonly workspaceId: string;
  readonly name: string;
  readonly secret: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** Stores a key by its hash. CONFLICT when the secret, which someone chose, is a key's already or was one's before. */
export async function insertApiKey(tx: Queryable, key: NewApiKey): Promise<ApiKey> {
  const { rows } = await tx.query<ApiKeyRow>(
    `INSERT INTO api_keys (id, workspace_id, name, prefix, secret_hash, scopes, expires_at)
     SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::bytea, $6::text[], $7::timestamptz
     WHERE NOT EXISTS (SELECT 1 FROM api_keys WHERE previous_hash = $5)
     ON CONFLICT (secret_hash) DO NOTHING RETURNING ${API_KEY_COLUMNS}`,
    [newId(), key.workspaceId, key.name, shownPrefix(key.secret), hashSecret(key.secret), key.scopes, key.expiresAt],
  );
  if (!rows[0]) throw new AppError('CONFLICT', 'This secret is an API key already; choose another one.');
  return apiKeyOf(rows[0]);
}

/**
 * Holds the asking key as it is until the transaction ends, and refuses one that was revoked meanwhile: a process that
 * has not heard of the revocation yet must not make new secrets with it.
 */
export async function requireLivingKey(tx: Queryable, principal: Principal): Promise<void> {
  const { rows } = await tx.query<{ revoked: boolean }>(
    'SELECT revoked_at IS NOT NULL AS revoked FROM api_keys WHERE id = $1 FOR SHARE',
    [principal.apiKeyId],
  );
  if (!rows[0] || rows[0].revoked) throw unauthenticated('revoked');
}

export interface LockedWorkspace {
  readonly planId: string;
  readonly agreedTerms: Readonly<Record<string, unknown>> | null;
  readonly operator: boolean;
}

/** Lets changes to the keys of one workspace happen one after another. null: there is no such workspace. */
export async function lockWorkspace(tx: Queryable, workspaceId: string): Promise<LockedWorkspace | null> {
  // The row alone, never the account: that one is locked by every metered operation.
  const locked = await tx.query<{ operator: boolean }>(
    'SELECT operator FROM workspaces WHERE id = $1 FOR NO KEY UPDATE',
    [workspaceId],
  );
  if (!locked.rows[0]) return null;
  const account = await tx.query<{ plan_id: string; agreed_terms: LockedWorkspace['agreedTerms'] }>(
    'SELECT plan_id, agreed_terms FROM accounts WHERE workspace_id = $1',
    [workspaceId],
  );
  const { plan_id, agreed_terms } = account.rows[0]!;
  return { operator: locked.rows[0].operator, planId: plan_id, agreedTerms: agreed_terms };
}
