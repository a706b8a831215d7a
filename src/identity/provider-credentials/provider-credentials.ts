import type { Database } from '../../db/database';
import { AppError, badInput, notFound } from '../../lib/errors';
import { newId } from '../../lib/ids';
import { requireLivingKey } from '../api-key-records';
import { checkName } from '../input-rules';
import type { IdentityNotices } from '../notices';
import type { Principal } from '../principal';
import { requireApiKey, requireScope } from '../rights';
import type { CredentialSealer } from './sealer';

/** A stored provider key as people see it: never the key, which nothing shows again. */
export interface ProviderCredential {
  readonly id: string;
  readonly providerId: string;
  readonly label: string | null;
  readonly lastFour: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface SetProviderCredential {
  readonly provider: string;
  readonly secret: string;
  readonly label?: string | null;
}

/** What has to be known of a provider before a key for it is taken. */
export interface KeyedProvider {
  readonly name: string;
  /** null: it takes no key. */
  readonly keyHeader: string | null;
}

export interface ProviderCredentialDependencies {
  readonly database: Database;
  readonly notices: IdentityNotices;
  readonly sealer: CredentialSealer;
  /** By id, whatever they can do. */
  readonly providers: ReadonlyMap<string, KeyedProvider>;
}

interface Row {
  id: string;
  provider: string;
  label: string | null;
  last_four: string;
  created_at: Date;
  last_used_at: Date | null;
}

const COLUMNS = 'id, provider, label, last_four, created_at, last_used_at';
const SECRET_MAX = 512;
const PROVIDER_ID = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** Of a shorter key the last four characters would be half of it. */
const SHOWN_FROM = 8;

/** The provider keys that a workspace keeps here. For all of it an API key with the scope MANAGE is needed. */
export class ProviderCredentials {
  constructor(private readonly dependencies: ProviderCredentialDependencies) {}

  /** By provider; at most one each. */
  async list(principal: Principal): Promise<ProviderCredential[]> {
    requireManager(principal);
    const { rows } = await this.dependencies.database.query<Row>(
      `SELECT ${COLUMNS} FROM provider_credentials WHERE workspace_id = $1 ORDER BY provider`,
      [principal.workspaceId],
    );
    return rows.map(credentialOf);
  }

  /**
   * Stores a key, in the place of one that was there. It is used from the moment of the answer, and on other processes
   * from the moment at which they hear of it. Errors: BAD_USER_INPUT (provider, secret or label), FORBIDDEN.
   */
  async set(principal: Principal, input: SetProviderCredential): Promise<ProviderCredential> {
    requireManager(principal);
    const provider = this.checkProvider(input.provider);
    const secret = checkSecret(input.secret);
    const label = input.label == null ? null : checkName(input.label, 'label');
    const { database, notices, sealer } = this.dependencies;
    const { workspaceId } = principal;
    const id = newId();
    const { sealedBy, sealed } = sealer.seal({ workspaceId, provider, id }, secret);
    const credential = await database.transaction(async (tx) => {
      await requireLivingKey(tx, principal);
      const { rows } = await tx.query<Row>(
        `INSERT INTO provider_credentials (id, workspace_id, provider, label, last_four, sealed_by, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (workspace_id, provider) DO UPDATE SET id = EXCLUDED.id, label = EXCLUDED.label,
           last_four = EXCLUDED.last_four, sealed_by = EXCLUDED.sealed_by, sealed = EXCLUDED.sealed,
           created_at = ledger_now(), last_used_at = NULL
         RETURNING ${COLUMNS}`,
        [id, workspaceId, provider, label, lastFourOf(secret), sealedBy, sealed],
      );
      return credentialOf(rows[0]!);
    });
    notices.tell({ change: 'provider-key-changed', workspaceId });
    return credential;
  }

  /**
   * Removes the key of a provider and answers its id; what asks that provider from now on asks with another key, or is
   * refused. Errors: NOT_FOUND, FORBIDDEN.
   */
  async delete(principal: Principal, provider: string): Promise<string> {
    requireManager(principal);
    if (!PROVIDER_ID.test(provider)) throw notFound('stored provider key');
    const { database, notices } = this.dependencies;
    const { workspaceId } = principal;
    const { rows } = await database.query<{ id: string }>(
      'DELETE FROM provider_credentials WHERE workspace_id = $1 AND provider = $2 RETURNING id',
      [workspaceId, provider],
    );
    if (!rows[0]) throw notFound('stored provider key');
    notices.tell({ change: 'provider-key-changed', workspaceId });
    return rows[0].id;
  }

  private checkProvider(id: string): string {
    const { providers } = this.dependencies;
    const provider = providers.get(id);
    if (provider?.keyHeader) return id;
    const supported = [...providers].filter(([, { keyHeader }]) => keyHeader !== null).map(([known]) => known);
    throw new AppError(
      'BAD_USER_INPUT',
      provider
        ? `${provider.name} takes no key.`
        : 'There is no such provider; Provider.id names those that there are.',
      { field: 'provider', supported },
    );
  }
}

/** A client token reaches browsers: it neither sees nor changes what the workspace's keys are. */
function requireManager(principal: Principal): void {
  requireApiKey(principal);
  requireScope(principal, 'MANAGE');
}

/** What a header can carry and no more, so that a key with a line break is refused here and not on its way. */
function checkSecret(secret: string): string {
  if (secret === '') throw badInput('secret', 'secret is empty; send the key that the provider gave you.');
  if (secret.length > SECRET_MAX) {
    throw badInput('secret', `secret takes at most ${SECRET_MAX} characters; send the provider's key alone.`);
  }
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw badInput(
      'secret',
      'secret takes printable ASCII characters without spaces and line breaks; copy the key again, alone.',
    );
  }
  return secret;
}

const lastFourOf = (secret: string): string => (secret.length < SHOWN_FROM ? '****' : secret.slice(-4));

const credentialOf = (row: Row): ProviderCredential => ({
  id: row.id,
  providerId: row.provider,
  label: row.label,
  lastFour: row.last_four,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
});
