import { BILLING_TABLES } from '../../migrations/sql/billing-tables';
import { LEDGER_TABLES } from '../../migrations/sql/ledger-tables';
import { END_USER_LIMITS, USAGE_EVENT_MONTHS, USAGE_SUMS } from '../../migrations/sql/usage-analytics';
import { verifyBilling } from '../../src/billing/verify-billing';
import { newId } from '../../src/lib/ids';
import { openTestDatabase, type TestDatabase } from '../support/database';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase({ migrated: false });
});
afterAll(() => test?.close());

it('an account that is older than periods as rows gets them from its anchor and its journal', async () => {
  const { database } = test;
  const [workspaceId, first, second] = [newId(), newId(), newId()];
  await database.query(LEDGER_TABLES);
  await database.query(`INSERT INTO workspaces (id, name) VALUES ('${workspaceId}', 'Acme')`);
  await database.query(
    `INSERT INTO accounts (workspace_id, plan_id, billing_anchor, period_number, period_start, period_end, next_change_at,
       spendable)
     VALUES ($1, 'free', '2028-01-31T10:00:00Z', 2, '2028-03-31T10:00:00Z', '2028-04-30T10:00:00Z',
       '2028-04-30T10:00:00Z', 100)`,
    [workspaceId],
  );
  for (const [id, period, remaining, expired] of [
    [first, 0, 0, 60],
    [second, 2, 100, 0],
  ] as const) {
    await database.query(
      `INSERT INTO grants (id, workspace_id, kind, credits, remaining, expired, reason, idempotency_key, period_number,
         effective_at, created_at)
       VALUES ($1, $2, 'MONTHLY', $3::bigint + $4::bigint, $3, $4, 'test', gen_random_uuid()::text, $5, now(), now())`,
      [id, workspaceId, remaining, expired, period],
    );
  }
  for (const [grant, kind, amount, period] of [
    [first, 'grant', 60, 0],
    [first, 'expire', -60, 1],
    [second, 'grant', 100, 2],
  ] as const) {
    await database.query(
      `INSERT INTO journal (workspace_id, bucket, kind, amount, grant_id, period_number, recorded_at)
       VALUES ($1, 'credits', $2, $3, $4, $5, now())`,
      [workspaceId, kind, amount, grant, period],
    );
  }
  await database.query(BILLING_TABLES);
  const { rows } = await database.query(
    `SELECT number, period_start, period_end, opening, closing, granted_credits FROM billing_periods ORDER BY number`,
  );
  const at = (text: string): Date => new Date(`2028-${text}T10:00:00.000Z`);
  expect(rows).toEqual([
    {
      number: 0,
      period_start: at('01-31'),
      period_end: at('02-29'),
      opening: '0',
      closing: '60',
      granted_credits: '60',
    },
    {
      number: 1,
      period_start: at('02-29'),
      period_end: at('03-31'),
      opening: '60',
      closing: '0',
      granted_credits: '0',
    },
    {
      number: 2,
      period_start: at('03-31'),
      period_end: at('04-30'),
      opening: '0',
      closing: null,
      granted_credits: '100',
    },
  ]);
  for (const sql of [USAGE_SUMS, USAGE_EVENT_MONTHS, END_USER_LIMITS]) await database.query(sql);
  expect((await database.transaction(verifyBilling)).findings).toEqual([]);
});
