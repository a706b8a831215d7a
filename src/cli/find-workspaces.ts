import type { Core } from '../core';
import type { Database } from '../db/database';
import type { Workspace } from '../identity/workspaces';
import { AppError } from '../lib/errors';

export interface ListedWorkspace {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  /** The operator's own, which is no customer. */
  readonly operator: boolean;
  readonly activeKeys: number;
  readonly createdAt: Date;
}

/** The earliest first. */
export async function listWorkspaces(database: Database): Promise<ListedWorkspace[]> {
  const { rows } = await database.query<ListedWorkspace>(
    `SELECT w.id, w.name, a.plan_id AS plan, w.operator, w.created_at AS "createdAt",
       (SELECT count(*)::integer FROM api_keys k WHERE k.workspace_id = w.id AND k.revoked_at IS NULL
         AND (k.expires_at IS NULL OR k.expires_at > ledger_now())) AS "activeKeys"
     FROM workspaces w JOIN accounts a ON a.workspace_id = w.id ORDER BY w.created_at, w.id`,
  );
  return rows;
}

/** @throws AppError NOT_FOUND that says where the ids are to be had. */
export async function requireWorkspace(core: Core, workspaceId: string): Promise<Workspace> {
  try {
    return await core.workspaces.find(workspaceId);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
    throw noSuchWorkspace();
  }
}

export const noSuchWorkspace = (): AppError =>
  new AppError(
    'NOT_FOUND',
    'There is no workspace with this id; "polyphony workspaces list" shows those that there are.',
  );
