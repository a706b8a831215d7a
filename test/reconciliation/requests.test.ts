import { hasDrift } from '../../src/reconciliation/report';
import { at, FLASH, ReconcilerHarness, rowsOf } from './support/reconciler-harness';

let harness: ReconcilerHarness;

beforeAll(async () => {
  harness = await ReconcilerHarness.open();
});
beforeEach(() => harness.begin());
afterEach(() => harness.end());
afterAll(() => harness?.data.close());

test('an operation that ran over midnight belongs to the day on which the provider lists it', async () => {
  const workspaceId = await harness.usage.workspace();
  await harness.usage.event({ workspaceId, ...FLASH, at: at('01T23:59:59'), characters: 8, requestIds: ['night'] });
  harness.stub.usage.elevenLabs.push({
    requestId: 'night',
    at: at('01T23:59:59'),
    model: 'eleven_flash_v2_5',
    text: '12345678',
    billed: 8,
  });
  for (const [from, to] of [
    ['2025-05-01', '2025-05-02'],
    ['2025-05-02', '2025-05-03'],
    ['2025-05-01', '2025-05-03'],
  ] as const) {
    const report = await harness.compare('elevenlabs', from, to);
    const first = from === '2025-05-01';
    expect(rowsOf(report)).toEqual(first ? [['2025-05-01', 'CHARACTER', '8', '8', '0']] : []);
    expect(hasDrift(report)).toBe(false);
  }
});

test('what lies beside the span is no difference of it, though it is looked at', async () => {
  const workspaceId = await harness.usage.workspace();
  await harness.usage.event({ workspaceId, ...FLASH, at: at('01T23:50:00'), characters: 8, requestIds: ['before'] });
  await harness.usage.event({ workspaceId, ...FLASH, at: at('03T00:10:00'), characters: 8, requestIds: ['after'] });
  const item = { model: 'eleven_flash_v2_5', text: 'x', billed: 1 };
  harness.stub.usage.elevenLabs.push({ ...item, requestId: 'foreign', at: at('01T23:40:00') });
  const report = await harness.compare('elevenlabs', '2025-05-02', '2025-05-03');
  expect([report.rows, hasDrift(report)]).toEqual([[], false]);
});

test('each kind of difference is told apart, with the operation and the request', async () => {
  const workspaceId = await harness.usage.workspace();
  const speech = { workspaceId, ...FLASH, at: at('01T10:00:00') };
  const credits = (quantity: number) => ({ unit: 'credits', quantity });
  await harness.usage.event({ ...speech, characters: 100, providerCount: credits(50), requestIds: ['same'] });
  // In parts.
  await harness.usage.event({
    ...speech,
    characters: 90,
    providerCount: credits(45),
    requestIds: ['part-1', 'part-2'],
  });
  const lost = await harness.usage.event({
    ...speech,
    characters: 30,
    providerCount: credits(15),
    requestIds: ['unlisted'],
  });
  const other = await harness.usage.event({
    ...speech,
    characters: 20,
    providerCount: credits(10),
    requestIds: ['other'],
  });
  // Served by another after an attempt here that the provider counted.
  const failed = await harness.usage.event({
    ...speech,
    provider: 'kokoro',
    model: 'kokoro/kokoro',
    characters: 7,
    attempts: [
      { provider: 'elevenlabs', outcome: 'TIMED_OUT', upstreamRequestId: 'timed-out' },
      { provider: 'kokoro' },
    ],
  });
  const item = (requestId: string, billed: number) =>
    harness.stub.usage.elevenLabs.push({
      requestId,
      at: at('01T10:00:01'),
      model: 'eleven_flash_v2_5',
      text: 'x',
      billed,
    });
  item('same', 50);
  item('part-1', 20);
  item('part-2', 25);
  item('other', 12);
  item('timed-out', 4);
  item('foreign', 3);
  harness.stub.usage.pageMax = 2;
  const report = await harness.compare('elevenlabs', '2025-05-01', '2025-05-02');
  expect(rowsOf(report)).toEqual([['2025-05-01', 'CHARACTER', '120', '114', '-6']]);
  const { matched, notListed, otherQuantity, countedFailures, unclaimed } = report.requests!;
  expect(matched).toBe(5);
  expect(notListed.examples).toMatchObject([{ eventId: lost, requestId: 'unlisted', ours: 15_000_000n, theirs: null }]);
  expect(otherQuantity.examples).toMatchObject([{ eventId: other, ours: 10_000_000n, theirs: 12_000_000n }]);
  expect(countedFailures.examples).toMatchObject([{ eventId: failed, ours: 0n, theirs: 4_000_000n }]);
  expect(unclaimed.examples).toMatchObject([{ eventId: null, requestId: 'foreign', theirs: 3_000_000n }]);
});

test('operations are read in pages, each once', async () => {
  const workspaceId = await harness.usage.workspace();
  await harness.data.database.query(
    `INSERT INTO usage_events (id, workspace_id, sequence, capability, status, provider_id, credential, characters, requests,
       allowance_characters, held_credits, credits, overage_credits, cost_usd_e10, balance_after, rate_card_version,
       period_number, created_at, settled_at)
     SELECT overlay(first_id_of(t)::text PLACING lpad(n::text, 12, '0') FROM 25)::uuid, $1, n, 'TEXT_TO_SPEECH',
       'SUCCEEDED', 'elevenlabs', 'PLATFORM', 1, 1, 0, 0, 0, 0, 0, 0, 'v', 0, t, t
     FROM (SELECT n, timestamptz '2025-05-01T10:00:00Z' + (n / 3) * interval '1 microsecond' AS t
       FROM generate_series(1, 4500) n) s`,
    [workspaceId],
  );
  const report = await harness.compare('elevenlabs', '2025-05-01', '2025-05-02');
  expect(rowsOf(report)).toEqual([['2025-05-01', 'CHARACTER', '4500', '0', '-4500']]);
});
