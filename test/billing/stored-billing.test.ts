import fc from 'fast-check';
import { verifyBilling } from '../../src/billing/verify-billing';
import { openTestDatabase, TEST_DATABASE_URL, type TestDatabase } from '../support/database';
import { printSeed, TEST_SEED } from '../support/test-seed';
import { BillingModel } from './support/billing-model';
import { play, scripts } from './support/billing-script';
import { checkInvoice } from './support/books-oracle';
import { type StoredAccount, StoredBilling } from './support/stored-account';

printSeed();

/** Scripts of 24 periods; a roll on the embedded engine takes three times as long as on PostgreSQL. */
const RUNS = TEST_DATABASE_URL ? 36 : 14;

let test: TestDatabase;
let billing: StoredBilling;
beforeAll(async () => {
  test = await openTestDatabase();
  billing = new StoredBilling(test.database);
});
afterAll(() => test?.close());

const text = (value: unknown): string =>
  JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? item.toString() : item));

function standingOf(model: BillingModel) {
  return {
    planId: model.planId,
    pendingPlanId: model.pendingPlanId,
    period: model.period.number,
    start: model.period.start,
    end: model.period.end,
    spendable: model.spendable.toString(),
    overageUsed: model.overageUsed.toString(),
    overageLimit: model.overageLimit?.toString() ?? null,
    blocked: model.blocked,
    grants: model.grants
      .map((grant) =>
        [grant.kind, grant.credits, grant.spent, grant.expired, grant.revoked, grant.remaining, grant.expiresAt].join(
          '/',
        ),
      )
      .sort(),
    periods: model.periods.map((period) => [period.start, period.end, period.opening, period.closing].join('/')),
  };
}

async function storedStanding({ workspaceId }: StoredAccount) {
  const { rows } = await test.database.query<{ grants: string[] | null } & Record<string, unknown>>(
    `SELECT plan_id, pending_plan_id, period_number, (extract(epoch FROM period_start) * 1000)::bigint AS start,
       (extract(epoch FROM period_end) * 1000)::bigint AS "end", spendable, overage_used, overage_limit, blocked,
       (SELECT json_agg(concat_ws('/', kind, credits, spent, expired, revoked, remaining,
          COALESCE((extract(epoch FROM expires_at) * 1000)::bigint::text, '')))
        FROM grants g WHERE g.workspace_id = a.workspace_id) AS grants,
       (SELECT json_agg(concat_ws('/', (extract(epoch FROM p.period_start) * 1000)::bigint,
          (extract(epoch FROM p.period_end) * 1000)::bigint, opening, COALESCE(closing::text, '')) ORDER BY number)
        FROM billing_periods p WHERE p.workspace_id = a.workspace_id) AS periods
     FROM accounts a WHERE workspace_id = $1`,
    [workspaceId],
  );
  const row = rows[0]!;
  return {
    planId: row.plan_id,
    pendingPlanId: row.pending_plan_id,
    period: row.period_number,
    start: Number(row.start),
    end: Number(row.end),
    spendable: row.spendable,
    overageUsed: row.overage_used,
    overageLimit: row.overage_limit,
    blocked: row.blocked,
    grants: (row.grants ?? []).sort(),
    periods: row.periods,
  };
}

it('the accounts in the database are at every step what grants, usage and time alone make of them', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      await billing.setClock(script.start);
      const model = new BillingModel(script.planId, script.start);
      const account = await billing.open(script.planId);
      await play(
        script,
        model,
        account,
        async (step) => {
          await account.roll();
          const [ours, theirs] = [standingOf(model), await storedStanding(account)];
          if (text(theirs) !== text(ours)) expect({ after: step, ...theirs }).toEqual({ after: step, ...ours });
        },
        (now) => billing.setClock(now),
      );
      for (const invoice of await billing.invoices.list(account.workspaceId, 100, null)) {
        checkInvoice(model, Number(invoice.id.replace('period-', '')), invoice.lines);
      }
    }),
    { numRuns: RUNS, seed: TEST_SEED, endOnFailure: true },
  );
  expect((await test.database.transaction(verifyBilling)).findings).toEqual([]);
}, 600_000);
