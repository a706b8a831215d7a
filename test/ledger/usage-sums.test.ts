import fc from 'fast-check';
import type { EventRecord } from '../../src/ledger/entries';
import { verifyLedger } from '../../src/ledger/verify';
import { newId } from '../../src/lib/ids';
import { moveClock, openTestDatabase, type TestDatabase } from '../support/database';
import { LedgerHarness, SUCCEEDED } from './support/ledger-harness';

let test: TestDatabase;
let h: LedgerHarness;
beforeAll(async () => {
  test = await openTestDatabase();
  h = new LedgerHarness(test.database);
});
afterAll(() => test.close());

const QUARTER_MS = 900_000;

const event: fc.Arbitrary<Partial<EventRecord>> = fc.record({
  capability: fc.constantFrom('TEXT_TO_SPEECH', 'SPEECH_TO_TEXT', 'LANGUAGE_MODEL'),
  provider_id: fc.constantFrom(null, 'one', 'two'),
  model: fc.constantFrom(null, 'one/a', 'one/"b"'),
  credential: fc.constantFrom('PLATFORM', 'REQUEST_KEY'),
  voice_id: fc.constantFrom(null, '', 'x'),
  voice_name: fc.constantFrom(null, 'x'),
  language: fc.constantFrom(null, 'en'),
  style: fc.constantFrom(null, 'calm'),
  api_key_id: fc.constantFrom(null, '019a2b3c-4d5e-7f60-8a7b-9c0d1e2f3a4b'),
  end_user_id: fc.constantFrom(null, 'ann', 'Ann'),
  status: fc.constantFrom('SUCCEEDED', 'ABORTED', 'FAILED'),
  characters: fc.nat(1_000),
  input_tokens: fc.nat(1_000),
  output_tokens: fc.nat(1_000),
  audio_milliseconds: fc.nat(100_000),
});

const NAMES = [
  'capability',
  'provider_id',
  'model',
  'voice_id',
  'voice_name',
  'language',
  'style',
  'api_key_id',
  'end_user_id',
  'credential',
] as const;

/** What the sums must be, counted one by one. */
function counted(workspaceId: string, records: readonly (readonly [EventRecord, number])[]): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  for (const [record, credits] of records) {
    const key = JSON.stringify([workspaceId, ...NAMES.map((name) => record[name])]);
    const before = sums.get(key) ?? [0, 0, 0, 0, 0, 0, 0];
    const more = [
      1,
      record.status === 'FAILED' ? 1 : 0,
      credits,
      record.characters,
      record.audio_milliseconds,
      record.input_tokens,
      record.output_tokens,
    ];
    sums.set(
      key,
      before.map((value, index) => value + more[index]!),
    );
  }
  return sums;
}

async function stored(workspaceId: string): Promise<Map<string, number[]>> {
  const { rows } = await test.database.query<{ key: unknown[]; sums: string[] }>(
    `SELECT jsonb_build_array(q.workspace_id, ${NAMES.map((name) => `s.${name}`).join(', ')}) AS key,
       ARRAY[sum(requests), sum(failures), sum(credits), sum(characters), sum(audio_milliseconds), sum(input_tokens),
         sum(output_tokens)]::text[] AS sums
     FROM usage_quarters q JOIN usage_series s ON s.workspace_id = q.workspace_id AND s.id = q.series_id
     WHERE q.workspace_id = $1 GROUP BY 1`,
    [workspaceId],
  );
  return new Map(rows.map(({ key, sums }) => [JSON.stringify(key), sums.map(Number)]));
}

it('the sums of every dimension are those of the events, however they settle together', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(event, fc.nat(9)), { minLength: 1, maxLength: 12 }), async (drawn) => {
      const workspaceId = await h.workspace('open');
      const records = drawn.map(([fields, credits]) => {
        const record: EventRecord = { ...SUCCEEDED, ...fields };
        return [record, record.status === 'FAILED' ? 0 : credits] as const;
      });
      const holds = await Promise.all(records.map(() => h.reserve(workspaceId, 10)));
      await Promise.all(
        records.map(([record, credits], index) =>
          h.settle(workspaceId, holds[index]!.operationId, credits, { event: record }),
        ),
      );
      expect(await stored(workspaceId)).toEqual(counted(workspaceId, records));
    }),
    { numRuns: 25 },
  );
  expect((await h.verify()).findings).toEqual([]);
}, 60_000);

it('an operation counts in the quarter of an hour in which it settled, whenever it was held', async () => {
  const workspaceId = await h.workspace('capped');
  const first = await h.reserve(workspaceId, 5);
  const second = await h.reserve(workspaceId, 5);
  await h.settle(workspaceId, first.operationId, 1);
  await moveClock(test.database, QUARTER_MS);
  try {
    // Kept alive as its process would.
    await test.database.query(
      `UPDATE holds SET lease_until = ledger_now() + interval '1 minute' WHERE operation_id = $1`,
      [second.operationId],
    );
    await h.settle(workspaceId, second.operationId, 2);
  } finally {
    await moveClock(test.database, -QUARTER_MS);
  }
  const { rows } = await test.database.query<{ quarter: Date; credits: string; settled_at: Date }>(
    `SELECT q.quarter, q.credits, e.settled_at FROM usage_quarters q JOIN usage_events e
       ON e.workspace_id = q.workspace_id AND e.credits = q.credits WHERE q.workspace_id = $1 ORDER BY q.quarter`,
    [workspaceId],
  );
  expect(rows.map(({ credits }) => credits)).toEqual(['1', '2']);
  for (const { quarter, settled_at } of rows) {
    expect(quarter.getTime()).toBe(Math.floor(settled_at.getTime() / QUARTER_MS) * QUARTER_MS);
  }
});

it('what ended without an outcome is in no sum', async () => {
  const workspaceId = await h.workspace('capped');
  const { operationId } = await h.reserve(workspaceId, 5);
  h.ledger.leases.remove(operationId);
  await test.database.query(
    `UPDATE holds SET lease_until = ledger_now() - interval '1 second' WHERE operation_id = $1`,
    [operationId],
  );
  await h.ledger.leases.sweep();
  expect((await stored(workspaceId)).size).toBe(0);
  const { rows } = await test.database.query('SELECT status FROM usage_events WHERE id = $1', [operationId]);
  expect(rows).toEqual([{ status: 'UNKNOWN' }]);
});

describe('verify', () => {
  it.each([
    ['a sum that was changed', 'UPDATE usage_quarters SET characters = characters + 1 WHERE workspace_id = $1'],
    ['a sum that is missing', 'DELETE FROM usage_quarters WHERE workspace_id = $1'],
    ['an event that was changed', 'UPDATE usage_events SET output_tokens = output_tokens + 1 WHERE workspace_id = $1'],
    ['an event that is missing', 'DELETE FROM usage_events WHERE workspace_id = $1'],
    ['two events of one number', 'UPDATE usage_events SET sequence = 2 WHERE workspace_id = $1'],
  ])('names %s, and its workspace', async (_what, damage) => {
    const workspaceId = await h.workspace('capped');
    for (const id of [newId(), newId()]) {
      await h.reserve(workspaceId, 5, { operationId: id });
      await h.settle(workspaceId, id, 1);
    }
    const undo = new Error('undo');
    await test.database
      .transaction(async (tx) => {
        await tx.query(damage, [workspaceId]);
        // The isolation level is that of the transaction, which has begun.
        const { findings } = await verifyLedger({
          query: (sql: string, values?: readonly unknown[], name?: string) =>
            sql.startsWith('SET TRANSACTION')
              ? Promise.resolve({ rows: [], rowCount: 0 })
              : tx.query(sql, values, name),
        } as typeof tx);
        expect(findings.map((finding) => finding.workspaceId)).toContain(workspaceId);
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
    expect((await h.verify()).findings).toEqual([]);
  });
});
