import type { Database } from '../db/database';
import { type MicroCredits, parseCredits } from '../lib/credits';
import { checkEndUserId } from '../lib/end-user-id';
import { badInput, notFound } from '../lib/errors';
import { isId, newId } from '../lib/ids';
import { requireLivingKey } from './api-key-records';
import { checkOrigins, checkWholeNumber } from './input-rules';
import type { IdentityNotices } from './notices';
import type { Principal } from './principal';
import { requireApiKey, requireScope } from './rights';
import { CLIENT_TOKEN_SCOPES } from './scopes';
import { hashSecret, makeSecret } from './secrets';

const TTL_SECONDS_MIN = 60;
const TTL_SECONDS_MAX = 3_600;
const REQUESTS_PER_MINUTE_DEFAULT = 10;
/** Largest of an `integer` column. */
const REQUESTS_PER_MINUTE_MAX = 2_147_483_647;
/** Largest of a `bigint` column. */
const BUDGET_MAX = 9_223_372_036_854_775_807n;
const CAPABILITIES: readonly string[] = [
  'TEXT_TO_SPEECH',
  'SPEECH_TO_TEXT',
  'LANGUAGE_MODEL',
  'EMBEDDING',
  'RETRIEVAL',
];

export interface CreateClientToken {
  /** 60 to 3,600. */
  readonly ttlSeconds: number;
  /** At least one. */
  readonly capabilities: readonly string[];
  /** A decimal amount of credits above 0 with at most 6 decimals: the most that the token can spend at list price. */
  readonly maxCredits: string;
  readonly endUserId?: string | null;
  /** 10 when left out. */
  readonly requestsPerMinute?: number | null;
  /** false when left out. */
  readonly allowStoredKeys?: boolean | null;
  /** Web origins that may use it; all when left out. */
  readonly origins?: readonly string[] | null;
}

export interface NewClientToken {
  readonly id: string;
  /** The secret, which is nowhere else and is shown once. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** Short-lived secrets for browsers, each within the rights of the key that made it and a budget of its own. */
export class ClientTokenService {
  constructor(
    private readonly database: Database,
    private readonly notices: IdentityNotices,
  ) {}

  /** Needs an API key with METERED. Errors: FORBIDDEN, BAD_USER_INPUT. */
  async create(principal: Principal, input: CreateClientToken): Promise<NewClientToken> {
    requireMaker(principal);
    const ttlSeconds = checkWholeNumber('ttlSeconds', input.ttlSeconds, TTL_SECONDS_MIN, TTL_SECONDS_MAX);
    const capabilities = checkCapabilities(input.capabilities);
    const budget = checkBudget(input.maxCredits);
    const endUserId = checkEndUserId(input.endUserId);
    const requestsPerMinute = checkWholeNumber(
      'requestsPerMinute',
      input.requestsPerMinute ?? REQUESTS_PER_MINUTE_DEFAULT,
      1,
      REQUESTS_PER_MINUTE_MAX,
    );
    const origins = checkOrigins(input.origins);
    const scopes = CLIENT_TOKEN_SCOPES.filter((scope) => principal.scopes.includes(scope));

    const id = newId();
    const token = makeSecret('client-token');
    const expiresAt = await this.database.transaction(async (tx) => {
      await requireLivingKey(tx, principal);
      // A key that ends earlier ends the token, and the ledger looks at the token alone.
      const { rows } = await tx.query<{ expires_at: Date }>(
        `INSERT INTO client_tokens (id, workspace_id, api_key_id, secret_hash, scopes, capabilities, budget, end_user_id,
           requests_per_minute, allow_stored_keys, origins, expires_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
           LEAST(date_trunc('milliseconds', ledger_now()) + make_interval(secs => $12::integer), k.expires_at)
         FROM api_keys k WHERE k.id = $3 RETURNING expires_at`,
        [
          id,
          principal.workspaceId,
          principal.apiKeyId,
          hashSecret(token),
          scopes,
          capabilities,
          budget.toString(),
          endUserId,
          requestsPerMinute,
          input.allowStoredKeys ?? false,
          origins,
          ttlSeconds,
        ],
      );
      return rows[0]!.expires_at;
    });
    return { id, token, expiresAt };
  }

  /** Ends a token at once. Again: the same. Needs an API key with METERED. Errors: FORBIDDEN, NOT_FOUND. */
  async revoke(principal: Principal, id: string): Promise<void> {
    requireMaker(principal);
    const { workspaceId } = principal;
    if (!isId(id)) throw notFound('client token');
    const { rows } = await this.database.query<{ id: string; api_key_id: string }>(
      `UPDATE client_tokens SET revoked_at = COALESCE(revoked_at, ledger_now())
       WHERE id = $1 AND workspace_id = $2 RETURNING id, api_key_id`,
      [id, workspaceId],
    );
    if (!rows[0]) throw notFound('client token');
    this.notices.tell({
      change: 'token-revoked',
      workspaceId,
      apiKeyId: rows[0].api_key_id,
      clientTokenId: rows[0].id,
    });
  }
}

function requireMaker(principal: Principal): void {
  requireApiKey(principal);
  requireScope(principal, 'METERED');
}

function checkCapabilities(capabilities: readonly string[]): string[] {
  if (capabilities.length === 0 || capabilities.some((capability) => !CAPABILITIES.includes(capability))) {
    throw badInput('capabilities', `capabilities takes one or more of ${CAPABILITIES.join(', ')}.`);
  }
  return CAPABILITIES.filter((capability) => capabilities.includes(capability));
}

function checkBudget(maxCredits: string): MicroCredits {
  const budget = parseCredits(maxCredits);
  if (budget === null || budget <= 0n || budget > BUDGET_MAX) {
    throw badInput('maxCredits', 'maxCredits takes an amount above 0 with at most 6 decimals, as "2.5".');
  }
  return budget;
}
