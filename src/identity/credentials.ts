import type { Queryable } from '../db/database';
import type { Principal } from './principal';
import type { Refusal } from './refusals';
import type { Scope } from './scopes';
import type { SecretKind } from './secrets';

/** What a secret opens, as the database knew it when it was read. Time is judged at each use. */
export interface Credential {
  readonly principal: Principal;
  readonly revoked: boolean;
  /** What it means that `principal.expiresAtMs` is over. */
  readonly afterExpiry: Extract<Refusal, 'expired' | 'replaced'>;
}

interface KeyRow {
  id: string;
  workspace_id: string;
  operator: boolean;
  plan_id: string;
  agreed_terms: Readonly<Record<string, unknown>> | null;
  scopes: Scope[];
  expires_at: Date | null;
  revoked: boolean;
  replaced_at: Date | null;
}

interface TokenRow {
  id: string;
  workspace_id: string;
  operator: boolean;
  plan_id: string;
  agreed_terms: Readonly<Record<string, unknown>> | null;
  api_key_id: string;
  scopes: Scope[];
  capabilities: string[];
  end_user_id: string | null;
  requests_per_minute: number;
  allow_stored_keys: boolean;
  origins: string[] | null;
  expires_at: Date;
  revoked: boolean;
}

const KEY_BY_HASH = `
  SELECT k.id, k.workspace_id, w.operator, a.plan_id, a.agreed_terms, k.scopes, k.expires_at, k.revoked_at IS NOT NULL AS revoked,
    CASE WHEN k.secret_hash = $1 THEN NULL ELSE k.previous_valid_until END AS replaced_at
  FROM api_keys k
  JOIN workspaces w ON w.id = k.workspace_id
  JOIN accounts a ON a.workspace_id = k.workspace_id
  WHERE k.secret_hash = $1 OR k.previous_hash = $1`;

/** A token ends with its key, by time and by revocation; the rotation of its key leaves it alone. */
const TOKEN_BY_HASH = `
  SELECT t.id, t.workspace_id, w.operator, a.plan_id, a.agreed_terms, t.api_key_id, t.scopes, t.capabilities, t.end_user_id,
    t.requests_per_minute, t.allow_stored_keys, t.origins, LEAST(t.expires_at, k.expires_at) AS expires_at,
    (t.revoked_at IS NOT NULL OR k.revoked_at IS NOT NULL) AS revoked
  FROM client_tokens t
  JOIN api_keys k ON k.id = t.api_key_id
  JOIN workspaces w ON w.id = t.workspace_id
  JOIN accounts a ON a.workspace_id = t.workspace_id
  WHERE t.secret_hash = $1`;

/** One statement; null: no such secret. */
export async function findCredential(database: Queryable, kind: SecretKind, hash: Buffer): Promise<Credential | null> {
  if (kind === 'client-token') {
    const { rows } = await database.query<TokenRow>(TOKEN_BY_HASH, [hash], 'identity_token_by_hash');
    return rows[0] ? tokenCredential(rows[0]) : null;
  }
  const { rows } = await database.query<KeyRow>(KEY_BY_HASH, [hash], 'identity_key_by_hash');
  return rows[0] ? keyCredential(rows[0]) : null;
}

function keyCredential(row: KeyRow): Credential {
  const expiry = row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  const replaced = row.replaced_at?.getTime() ?? Number.POSITIVE_INFINITY;
  const end = Math.min(expiry, replaced);
  return {
    revoked: row.revoked,
    afterExpiry: replaced <= expiry ? 'replaced' : 'expired',
    principal: {
      kind: 'api-key',
      workspaceId: row.workspace_id,
      operator: row.operator,
      planId: row.plan_id,
      ...(row.agreed_terms && { agreedTerms: row.agreed_terms }),
      apiKeyId: row.id,
      clientTokenId: null,
      scopes: row.scopes,
      capabilities: null,
      endUserId: null,
      allowStoredKeys: true,
      requestsPerMinute: null,
      origins: null,
      expiresAtMs: end === Number.POSITIVE_INFINITY ? null : end,
    },
  };
}

function tokenCredential(row: TokenRow): Credential {
  return {
    revoked: row.revoked,
    afterExpiry: 'expired',
    principal: {
      kind: 'client-token',
      workspaceId: row.workspace_id,
      operator: row.operator,
      planId: row.plan_id,
      ...(row.agreed_terms && { agreedTerms: row.agreed_terms }),
      apiKeyId: row.api_key_id,
      clientTokenId: row.id,
      scopes: row.scopes,
      capabilities: row.capabilities,
      endUserId: row.end_user_id,
      allowStoredKeys: row.allow_stored_keys,
      requestsPerMinute: row.requests_per_minute,
      origins: row.origins,
      expiresAtMs: row.expires_at.getTime(),
    },
  };
}
