import type { Database, Queryable } from '../db/database';
import { OPERATOR_SCOPES, OWNER_SCOPES, type Scope } from './scopes';
import { hashSecret, makeSecret } from './secrets';
import { checkChosenSecret, type WorkspaceService } from './workspaces';

export interface BootstrapSettings {
  /** BOOTSTRAP_API_KEY. */
  readonly apiKey?: string | null;
  /** BOOTSTRAP_ADMIN_KEY. */
  readonly adminKey?: string | null;
  /** BOOTSTRAP_PLAN: plan of the first workspace, and of the operator's where nothing is spent. */
  readonly planId: string;
}

export interface BootstrapKey {
  readonly workspaceId: string;
  /** Made at this start and not chosen by a setting: to be printed once, as it is nowhere else. null otherwise. */
  readonly newSecret: string | null;
  /**
   * `created` now, by a setting or by itself; `known` from before; `ended`: the setting names a key that was revoked,
   * replaced or has expired, which stays so; `none`: nothing was asked for, as the workspace is from before.
   */
  readonly state: 'created' | 'known' | 'ended' | 'none';
}

export interface BootstrapOutcome {
  readonly apiKey: BootstrapKey;
  readonly adminKey: BootstrapKey;
}

interface Part {
  readonly setting: string;
  readonly operator: boolean;
  readonly workspaceName: string;
  readonly keyName: string;
  readonly scopes: readonly Scope[];
}

const CUSTOMER: Part = {
  setting: 'BOOTSTRAP_API_KEY',
  operator: false,
  workspaceName: 'Default',
  keyName: 'Bootstrap key',
  scopes: OWNER_SCOPES,
};
const OPERATOR: Part = {
  setting: 'BOOTSTRAP_ADMIN_KEY',
  operator: true,
  workspaceName: 'Operator',
  keyName: 'Bootstrap admin key',
  scopes: OPERATOR_SCOPES,
};

/**
 * Makes what a server needs to be of use: a first workspace with its plan's grant and a key, and the operator's own
 * workspace with the admin key. Any number of processes may do it at once and at every start; it happens once.
 *
 * A chosen key that is not known becomes a further key of the earliest workspace (the admin key: of the operator's),
 * outside the plan's number of keys, so that whoever sets up the server can always get in. The keys before it keep
 * working until they are revoked. Throws BAD_USER_INPUT, naming the setting, for a value that cannot be used.
 */
export function bootstrap(
  database: Database,
  workspaces: WorkspaceService,
  settings: BootstrapSettings,
): Promise<BootstrapOutcome> {
  const apiKey = checkChosenSecret(CUSTOMER.setting, settings.apiKey ?? null);
  const adminKey = checkChosenSecret(OPERATOR.setting, settings.adminKey ?? null);
  if (apiKey !== null && apiKey === adminKey) {
    throw new Error('BOOTSTRAP_API_KEY and BOOTSTRAP_ADMIN_KEY are the same: choose another value for one of them.');
  }
  return database.transaction(async (tx) => {
    // Waits for whoever does the same; the embedded engine has one session, which rules out advisory locks.
    await tx.query('LOCK TABLE workspaces IN EXCLUSIVE MODE');
    return {
      apiKey: await ensure(tx, workspaces, CUSTOMER, settings.planId, apiKey),
      adminKey: await ensure(tx, workspaces, OPERATOR, settings.planId, adminKey),
    };
  });
}

async function ensure(
  tx: Queryable,
  workspaces: WorkspaceService,
  part: Part,
  planId: string,
  chosen: string | null,
): Promise<BootstrapKey> {
  const earliest = await tx.query<{ id: string }>(
    'SELECT id FROM workspaces WHERE operator = $1 ORDER BY created_at, id LIMIT 1',
    [part.operator],
  );
  const existing = earliest.rows[0]?.id ?? null;
  if (chosen !== null) {
    const known = await findKey(tx, chosen);
    if (known) {
      if (known.operator !== part.operator) {
        throw new Error(`${part.setting} is a key of another kind already: choose another value for it.`);
      }
      return { workspaceId: known.workspace_id, newSecret: null, state: known.ended ? 'ended' : 'known' };
    }
  } else if (existing !== null) {
    return { workspaceId: existing, newSecret: null, state: 'none' };
  }
  const workspaceId = existing ?? (await workspaces.insert(tx, part.workspaceName, planId, part.operator)).id;
  const secret = chosen ?? makeSecret('api-key');
  await workspaces.insertKey(tx, workspaceId, part.keyName, part.scopes, secret);
  return { workspaceId, newSecret: chosen === null ? secret : null, state: 'created' };
}

interface KnownKey {
  workspace_id: string;
  operator: boolean;
  ended: boolean;
}

/** A secret that a rotation replaced is known too: a setting that was not updated must not bring it back. */
async function findKey(tx: Queryable, secret: string): Promise<KnownKey | null> {
  const { rows } = await tx.query<KnownKey>(
    `SELECT k.workspace_id, w.operator,
       (k.revoked_at IS NOT NULL OR COALESCE(k.expires_at <= ledger_now(), false)
         OR (k.previous_hash = $1 AND k.previous_valid_until <= ledger_now())) AS ended
     FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
     WHERE k.secret_hash = $1 OR k.previous_hash = $1`,
    [hashSecret(secret)],
  );
  return rows[0] ?? null;
}
