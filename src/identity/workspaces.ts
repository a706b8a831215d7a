import type { Database, Queryable } from '../db/database';
import { badInput, notFound } from '../lib/errors';
import { isId, newId } from '../lib/ids';
import { type ApiKey, insertApiKey } from './api-key-records';
import { checkName } from './input-rules';
import { OWNER_SCOPES, type Scope } from './scopes';
import { CHOSEN_SECRET_MIN, kindOfSecret, makeSecret, SECRET_MAX } from './secrets';

export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly planId: string;
  /** What was agreed with it where its plan is by agreement. */
  readonly agreedTerms: Readonly<Record<string, unknown>> | null;
  /** The operator's own workspace, which is no customer. */
  readonly operator: boolean;
  readonly createdAt: Date;
}

interface WorkspaceRow {
  id: string;
  name: string;
  plan_id: string;
  agreed_terms: Workspace['agreedTerms'];
  operator: boolean;
  created_at: Date;
}

/** Opens the account of a new workspace with its plan's grant; throws BAD_USER_INPUT for an unknown plan. */
export type OpenAccount = (tx: Queryable, workspaceId: string, planId: string) => Promise<void>;

export interface NewWorkspace {
  readonly name: string;
  readonly planId: string;
  /** The first key's secret, where someone chose it; made when left out. */
  readonly secret?: string | null;
}

export interface WorkspaceWithKey {
  readonly workspace: Workspace;
  readonly apiKey: ApiKey;
  /** The first key's secret, which is nowhere else and is shown once. */
  readonly secret: string;
}

const FIRST_KEY_NAME = 'First key';

export class WorkspaceService {
  constructor(
    private readonly database: Database,
    private readonly openAccount: OpenAccount,
  ) {}

  /**
   * A workspace, its account and a first key that may do all but administer, together or not at all.
   * Errors: BAD_USER_INPUT, CONFLICT for a chosen secret that is taken.
   */
  create(input: NewWorkspace): Promise<WorkspaceWithKey> {
    return this.database.transaction((tx) => this.createIn(tx, input));
  }

  /** The same within the caller's transaction. */
  async createIn(tx: Queryable, input: NewWorkspace): Promise<WorkspaceWithKey> {
    const secret = checkChosenSecret('key', input.secret ?? null) ?? makeSecret('api-key');
    const workspace = await this.insert(tx, checkName(input.name), input.planId, false);
    const apiKey = await this.insertKey(tx, workspace.id, FIRST_KEY_NAME, OWNER_SCOPES, secret);
    return { workspace, apiKey, secret };
  }

  /** A workspace and its account without a key. */
  async insert(tx: Queryable, name: string, planId: string, operator: boolean): Promise<Workspace> {
    const id = newId();
    await tx.query('INSERT INTO workspaces (id, name, operator) VALUES ($1, $2, $3)', [id, name, operator]);
    await this.openAccount(tx, id, planId);
    return readWorkspace(tx, id);
  }

  insertKey(
    tx: Queryable,
    workspaceId: string,
    name: string,
    scopes: readonly Scope[],
    secret: string,
  ): Promise<ApiKey> {
    return insertApiKey(tx, { workspaceId, name, secret, scopes, expiresAt: null });
  }

  /** NOT_FOUND for an unknown id. */
  async find(workspaceId: string): Promise<Workspace> {
    return readWorkspace(this.database, workspaceId);
  }
}

/**
 * A secret that a person chose: any 20 to 512 characters but control characters and outer spaces, which no header can
 * carry; one in our own form must be whole. null stays null. Throws BAD_USER_INPUT that names `field` and never the secret.
 */
export function checkChosenSecret(field: string, secret: string | null): string | null {
  if (secret === null) return null;
  if (/[\p{Cc}\p{Cs}]/u.test(secret) || secret.trim() !== secret) {
    throw badInput(
      field,
      `${field} takes no control characters and no spaces at its ends, as no header can carry them.`,
    );
  }
  if (secret.length < CHOSEN_SECRET_MIN || secret.length > SECRET_MAX) {
    throw badInput(field, `${field} takes ${CHOSEN_SECRET_MIN} to ${SECRET_MAX} characters.`);
  }
  if (kindOfSecret(secret) !== 'api-key') {
    throw badInput(
      field,
      `${field} begins like a secret made here but is not a whole API key: copy it again, or choose another.`,
    );
  }
  return secret;
}

async function readWorkspace(tx: Queryable, workspaceId: string): Promise<Workspace> {
  if (!isId(workspaceId)) throw notFound('workspace');
  const { rows } = await tx.query<WorkspaceRow>(
    `SELECT w.id, w.name, w.operator, w.created_at, a.plan_id, a.agreed_terms
     FROM workspaces w JOIN accounts a ON a.workspace_id = w.id WHERE w.id = $1`,
    [workspaceId],
  );
  const row = rows[0];
  if (!row) throw notFound('workspace');
  return {
    id: row.id,
    name: row.name,
    planId: row.plan_id,
    agreedTerms: row.agreed_terms,
    operator: row.operator,
    createdAt: row.created_at,
  };
}
