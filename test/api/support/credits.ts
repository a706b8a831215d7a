import { parseCredits } from '../../../src/lib/credits';
import type { TestServer } from '../../support/test-server';

/** Takes credits away, newest grant first and with the entries that belong to it, until so many can be spent. */
export async function leaveCredits(server: TestServer, workspaceId: string, credits: string): Promise<void> {
  await server.database.transaction(async (tx) => {
    const account = await tx.query<{ spendable: string; period_number: number }>(
      'SELECT spendable, period_number FROM accounts WHERE workspace_id = $1 FOR UPDATE',
      [workspaceId],
    );
    let excess = BigInt(account.rows[0]!.spendable) - parseCredits(credits)!;
    if (excess < 0n) throw new RangeError(`the workspace has less than ${credits} credits`);
    const grants = await tx.query<{ id: string; remaining: string }>(
      'SELECT id, remaining FROM grants WHERE workspace_id = $1 AND remaining > 0 ORDER BY created_at DESC',
      [workspaceId],
    );
    for (const grant of grants.rows) {
      const remaining = BigInt(grant.remaining);
      const revoked = excess < remaining ? excess : remaining;
      if (revoked === 0n) break;
      excess -= revoked;
      await tx.query('UPDATE grants SET remaining = remaining - $2, revoked = revoked + $2 WHERE id = $1', [
        grant.id,
        revoked.toString(),
      ]);
      await tx.query(
        `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, period_number, recorded_at)
         VALUES ($1, 'credits', 'revoke', $2, $3, $4, ledger_now())`,
        [workspaceId, (-revoked).toString(), grant.id, account.rows[0]!.period_number],
      );
      await tx.query('UPDATE accounts SET spendable = spendable - $2 WHERE workspace_id = $1', [
        workspaceId,
        revoked.toString(),
      ]);
    }
  });
}
