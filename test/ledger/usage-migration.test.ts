import { LEDGER_TABLES } from '../../migrations/sql/ledger-tables';
import { END_USER_LIMITS, USAGE_EVENT_MONTHS, USAGE_SUMS } from '../../migrations/sql/usage-analytics';
import { newId } from '../../src/lib/ids';
import { openTestDatabase, type TestDatabase } from '../support/database';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase({ migrated: false });
});
afterAll(() => test?.close());

const insert = (id: string, sequence: number, status: string, credits: number, settledAt: string): Promise<unknown> =>
  test.database.query(
    `INSERT INTO usage_events (id, workspace_id, sequence, capability, status, provider_id, credential, characters,
       allowance_characters, held_credits, credits, overage_credits, cost_usd_e10, balance_after, rate_card_version,
       period_number, created_at, settled_at)
     VALUES ($1, '019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b', $2, 'TEXT_TO_SPEECH', $3, 'stub', 'PLATFORM', 7, 0, 100, $4, 0, 0,
       0, 'test', 0, $5, $5)`,
    [id, sequence, status, credits, settledAt],
  );

it('events of before are summed and stay where they are; those of later ids too find their month', async () => {
  const { database } = test;
  await database.query(LEDGER_TABLES);
  const [first, second, third, lost] = [newId(), newId(), newId(), newId()];
  await insert(first, 1, 'SUCCEEDED', 3, '2026-03-01T10:14:59.999Z');
  await insert(second, 2, 'SUCCEEDED', 4, '2026-03-01T10:15:00Z');
  await insert(third, 3, 'FAILED', 0, '2026-03-01T10:29:59Z');
  await insert(lost, 4, 'UNKNOWN', 0, '2026-03-01T10:29:59Z');
  // A clock that was ahead: its month is that of the first partition's end.
  const ahead = newId(Date.parse('2031-05-20T00:00:00Z'));
  await insert(ahead, 5, 'SUCCEEDED', 5, '2026-03-01T11:00:00Z');
  for (const sql of [USAGE_SUMS, USAGE_EVENT_MONTHS, END_USER_LIMITS]) await database.query(sql);
  const sums = await database.query(
    'SELECT quarter, requests, failures, credits, characters FROM usage_quarters ORDER BY quarter',
  );
  expect(sums.rows).toEqual([
    { quarter: new Date('2026-03-01T10:00:00Z'), requests: '1', failures: '0', credits: '3', characters: '7' },
    { quarter: new Date('2026-03-01T10:15:00Z'), requests: '2', failures: '1', credits: '4', characters: '14' },
    { quarter: new Date('2026-03-01T11:00:00Z'), requests: '1', failures: '0', credits: '5', characters: '7' },
  ]);
  const places = await database.query<{ name: string }>(
    'SELECT DISTINCT tableoid::regclass::text AS name FROM usage_events',
  );
  expect(places.rows).toEqual([{ name: 'usage_events_first' }]);
  await insert(newId(Date.parse('2031-06-01T00:00:00Z')), 6, 'SUCCEEDED', 1, '2026-03-01T11:00:00Z');
  const months = await database.query(
    `SELECT first_id::text, end_id::text FROM usage_event_months WHERE name = 'usage_events_first'`,
  );
  const end = Date.parse('2031-06-01T00:00:00Z').toString(16).padStart(12, '0');
  expect(months.rows).toEqual([
    {
      first_id: '00000000-0000-0000-0000-000000000000',
      end_id: `${end.slice(0, 8)}-${end.slice(8)}-0000-0000-000000000000`,
    },
  ]);
  const later = await database.query<{ name: string }>(
    'SELECT tableoid::regclass::text AS name FROM usage_events WHERE sequence = 6',
  );
  expect(later.rows).toEqual([{ name: 'usage_events_other' }]);
});
