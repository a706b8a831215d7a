import type { Queryable } from '../db/database';
import type { MicroCredits } from '../lib/credits';
import { newId } from '../lib/ids';

export type GrantKind = 'MONTHLY' | 'TOP_UP' | 'PROMOTION' | 'ADJUSTMENT';

export interface NewGrant {
  readonly workspaceId: string;
  readonly kind: GrantKind;
  readonly credits: MicroCredits;
  readonly reason: string;
  readonly idempotencyKey: string | null;
  readonly periodNumber: number;
  readonly effectiveAt: Date;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
}

export interface GrantRow {
  id: string;
  workspace_id: string;
  kind: GrantKind;
  credits: string;
  remaining: string;
  reason: string;
  period_number: number;
  effective_at: Date;
  expires_at: Date | null;
  created_at: Date;
}

/**
 * Adds a grant to an account that the caller has locked: the grant, its journal entry and the account's spendable
 * credits change together.
 */
export async function addGrant(tx: Queryable, grant: NewGrant): Promise<GrantRow> {
  const id = newId(grant.createdAt.getTime());
  const added = await tx.query<GrantRow>(
    `INSERT INTO grants (id, workspace_id, kind, credits, remaining, reason, idempotency_key, period_number,
       effective_at, expires_at, created_at)
     VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10) RETURNING *`,
    [
      id,
      grant.workspaceId,
      grant.kind,
      grant.credits.toString(),
      grant.reason,
      grant.idempotencyKey,
      grant.periodNumber,
      grant.effectiveAt,
      grant.expiresAt,
      grant.createdAt,
    ],
  );
  await tx.query(
    `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, period_number, recorded_at)
     VALUES ($1, 'credits', 'grant', $2, $3, $4, $5)`,
    [grant.workspaceId, grant.credits.toString(), id, grant.periodNumber, grant.createdAt],
  );
  await tx.query('UPDATE accounts SET spendable = spendable + $2 WHERE workspace_id = $1', [
    grant.workspaceId,
    grant.credits.toString(),
  ]);
  return added.rows[0]!;
}

/**
 * Expires what is left of the grants of a locked account that ran out by `moment`. What holds made before a grant's
 * expiry may still need stays until they end: a hold is a promise.
 */
export async function expireGrants(
  tx: Queryable,
  workspaceId: string,
  moment: Date,
  periodNumber: number,
): Promise<void> {
  const due = await tx.query<{ id: string; remaining: string; expires_at: Date; held_before: string }>(
    `SELECT g.id, g.remaining, g.expires_at,
       (SELECT COALESCE(sum(h.credits), 0) FROM holds h
        WHERE h.workspace_id = g.workspace_id AND h.created_at < g.expires_at) AS held_before
     FROM grants g WHERE g.workspace_id = $1 AND g.remaining > 0 AND g.expires_at <= $2
     ORDER BY g.expires_at, g.created_at, g.id`,
    [workspaceId, moment],
  );
  let promised = 0n;
  for (const row of due.rows) {
    const remaining = BigInt(row.remaining);
    const heldBefore = BigInt(row.held_before) - promised;
    const kept = heldBefore <= 0n ? 0n : heldBefore < remaining ? heldBefore : remaining;
    promised += kept;
    const expired = remaining - kept;
    if (expired === 0n) continue;
    await tx.query('UPDATE grants SET remaining = remaining - $2, expired = expired + $2 WHERE id = $1', [
      row.id,
      expired.toString(),
    ]);
    await tx.query(
      `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, period_number, recorded_at)
       VALUES ($1, 'credits', 'expire', $2, $3, $4, $5)`,
      [workspaceId, (-expired).toString(), row.id, periodNumber, moment],
    );
    await tx.query('UPDATE accounts SET spendable = spendable - $2 WHERE workspace_id = $1', [
      workspaceId,
      expired.toString(),
    ]);
  }
}

/**
 * Takes back what is left of a grant of a locked account, up to what no hold needs and to `most`. Answers the
 * micro-credits that were taken.
 */
export async function revokeGrant(
  tx: Queryable,
  account: { readonly workspaceId: string; readonly periodNumber: number; readonly now: Date },
  grantId: string,
  most: bigint | null = null,
): Promise<bigint> {
  const { rows } = await tx.query<{ taken: string }>(
    `UPDATE grants g SET remaining = g.remaining - t.taken, revoked = g.revoked + t.taken
     FROM (SELECT n.id, LEAST(n.remaining, a.spendable - a.held, $3::bigint) AS taken
       FROM grants n JOIN accounts a ON a.workspace_id = n.workspace_id WHERE n.id = $1 AND n.workspace_id = $2) t
     WHERE g.id = t.id AND t.taken > 0 RETURNING t.taken`,
    [grantId, account.workspaceId, most?.toString() ?? null],
  );
  const taken = BigInt(rows[0]?.taken ?? '0');
  if (taken === 0n) return 0n;
  await tx.query(
    `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, period_number, recorded_at)
     VALUES ($1, 'credits', 'revoke', $2, $3, $4, $5)`,
    [account.workspaceId, (-taken).toString(), grantId, account.periodNumber, account.now],
  );
  await tx.query('UPDATE accounts SET spendable = spendable - $2 WHERE workspace_id = $1', [
    account.workspaceId,
    taken.toString(),
  ]);
  return taken;
}
