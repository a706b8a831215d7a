import { hasDrift } from '../../src/reconciliation/report';
import { ReconcilerHarness, rowsOf } from './support/reconciler-harness';

let harness: ReconcilerHarness;

beforeAll(async () => {
  harness = await ReconcilerHarness.open();
});
beforeEach(() => harness.begin());
afterEach(() => harness.end());
afterAll(() => harness?.data.close());

test('without drift there is none, over all workspaces, statuses, pages and units', async () => {
  for (let workspace = 0; workspace < 3; workspace++) {
    const workspaceId = await harness.usage.workspace();
    const chat = { workspaceId, provider: 'openai', capability: 'LANGUAGE_MODEL' } as const;
    await harness.usage.event({ ...chat, at: '2025-05-01T00:00:00Z', inputTokens: 100, outputTokens: 7 });
    await harness.usage.event({
      ...chat,
      at: '2025-05-02T23:59:57.9Z',
      inputTokens: 10,
      outputTokens: 1,
      status: 'ABORTED',
    });
    // Failed after the provider had told its tokens.
    await harness.usage.event({
      ...chat,
      at: '2025-05-02T10:00:00Z',
      inputTokens: 5,
      outputTokens: 2,
      status: 'FAILED',
    });
    const listen = { workspaceId, provider: 'openai', capability: 'SPEECH_TO_TEXT' } as const;
    await harness.usage.event({
      ...listen,
      at: '2025-05-02T11:00:00Z',
      audioMilliseconds: 61_500,
      providerCount: { unit: 'seconds', quantity: 62 },
    });
    // What is not ours, what is of another, and what was refused.
    await harness.usage.event({ ...chat, at: '2025-05-01T10:00:00Z', inputTokens: 999, credential: 'REQUEST_KEY' });
    await harness.usage.event({ ...chat, at: '2025-05-01T10:00:00Z', inputTokens: 999, credential: 'STORED_KEY' });
    await harness.usage.event({ ...chat, at: '2025-05-01T10:00:00Z', inputTokens: 999, provider: 'groq' });
    await harness.usage.event({ ...chat, at: '2025-05-03T00:00:00Z', inputTokens: 999 });
    await harness.usage.event({
      ...listen,
      at: '2025-05-01T10:00:00Z',
      status: 'FAILED',
      estimatedAudioMilliseconds: 9_000,
    });
  }
  harness.stub.usage.openAi.push(
    { date: '2025-05-01', endpoint: 'completions', result: { input_tokens: 300, output_tokens: 21 } },
    { date: '2025-05-02', endpoint: 'completions', result: { input_tokens: 45, output_tokens: 9 } },
    { date: '2025-05-02', endpoint: 'audio_transcriptions', result: { seconds: 186 } },
  );
  harness.stub.usage.pageMax = 1;
  const report = await harness.compare('openai', '2025-05-01', '2025-05-03');
  expect(rowsOf(report)).toEqual([
    ['2025-05-01', 'INPUT_TOKEN', '300', '300', '0'],
    ['2025-05-01', 'OUTPUT_TOKEN', '21', '21', '0'],
    ['2025-05-02', 'AUDIO_SECOND', '186', '186', '0'],
    ['2025-05-02', 'INPUT_TOKEN', '45', '45', '0'],
    ['2025-05-02', 'OUTPUT_TOKEN', '9', '9', '0'],
  ]);
  expect([hasDrift(report), report.unresolved, report.requests]).toEqual([false, 0, null]);
});

test('a known drift is found to the last unit, on either side', async () => {
  const workspaceId = await harness.usage.workspace();
  const chat = { workspaceId, provider: 'anthropic', capability: 'LANGUAGE_MODEL' } as const;
  await harness.usage.event({ ...chat, at: '2025-05-01T10:00:00Z', inputTokens: 9_007_199_254, outputTokens: 7 });
  await harness.usage.event({ ...chat, at: '2025-05-02T10:00:00Z', inputTokens: 10, outputTokens: 3 });
  harness.stub.usage.anthropic.push(
    { date: '2025-05-01', result: { uncached_input_tokens: 9_007_199_255, output_tokens: 7 } },
    { date: '2025-05-02', result: { uncached_input_tokens: 6, cache_read_input_tokens: 3, output_tokens: 3 } },
  );
  const report = await harness.compare('anthropic', '2025-05-01', '2025-05-04');
  expect(rowsOf(report)).toEqual([
    ['2025-05-01', 'INPUT_TOKEN', '9007199254', '9007199255', '1'],
    ['2025-05-01', 'OUTPUT_TOKEN', '7', '7', '0'],
    ['2025-05-02', 'INPUT_TOKEN', '10', '9', '-1'],
    ['2025-05-02', 'OUTPUT_TOKEN', '3', '3', '0'],
  ]);
  expect(report.rows.map(({ drifted }) => drifted)).toEqual([true, false, true, false]);
  expect(hasDrift(report)).toBe(true);
});

test('a failed transcription counts where the provider had answered, with the length that was measured', async () => {
  const workspaceId = await harness.usage.workspace();
  const listen = { workspaceId, provider: 'openai', capability: 'SPEECH_TO_TEXT', status: 'FAILED' } as const;
  await harness.usage.event({
    ...listen,
    at: '2025-05-01T10:00:00Z',
    estimatedAudioMilliseconds: 3_000,
    requestIds: ['a'],
  });
  await harness.usage.event({
    ...listen,
    at: '2025-05-01T11:00:00Z',
    estimatedAudioMilliseconds: 5_000,
    attempts: [{ outcome: 'UNAVAILABLE' }],
  });
  harness.stub.usage.openAi.push({ date: '2025-05-01', endpoint: 'audio_transcriptions', result: { seconds: 3 } });
  expect(hasDrift(await harness.compare('openai', '2025-05-01', '2025-05-02'))).toBe(false);
});

test('what lies within the rounding of the sums is told, and is no drift', async () => {
  const workspaceId = await harness.usage.workspace();
  const speech = { workspaceId, provider: 'resemble-ai', audioMilliseconds: 1_400 };
  await harness.usage.event({ ...speech, at: '2025-05-01T10:00:00Z' });
  harness.stub.usage.resemble.set('2025-05-01', 1);
  const report = await harness.compare('resemble-ai', '2025-05-01', '2025-05-02');
  expect(rowsOf(report)).toEqual([['2025-05-01', 'AUDIO_SECOND', '1.4', '1', '-0.4']]);
  expect(hasDrift(report)).toBe(false);
});

test('a day whose sum holds another product too is not compared', async () => {
  const workspaceId = await harness.usage.workspace();
  const speech = { workspaceId, provider: 'cartesia', characters: 10 };
  await harness.usage.event({ ...speech, at: '2025-05-01T10:00:00Z' });
  await harness.usage.event({ ...speech, at: '2025-05-02T10:00:00Z' });
  await harness.usage.event({
    workspaceId,
    provider: 'cartesia',
    capability: 'SPEECH_TO_TEXT',
    at: '2025-05-02T10:00:00Z',
  });
  harness.stub.usage.cartesia.push({ date: '2025-05-01', credits: 10 }, { date: '2025-05-02', credits: 500 });
  const report = await harness.compare('cartesia', '2025-05-01', '2025-05-03');
  expect(rowsOf(report)).toEqual([['2025-05-01', 'CHARACTER', '10', '10', '0']]);
  expect(report.notCompared).toEqual(['2025-05-02']);
});

test('a provider that counts by the month is compared by whole months', async () => {
  const workspaceId = await harness.usage.workspace();
  const listen = { workspaceId, provider: 'mistral', capability: 'SPEECH_TO_TEXT' } as const;
  await harness.usage.event({ ...listen, at: '2025-04-30T23:00:00Z', audioMilliseconds: 2_000 });
  await harness.usage.event({ ...listen, at: '2025-05-31T23:00:00Z', audioMilliseconds: 3_000 });
  harness.stub.usage.mistral.set('2025-04', [2]).set('2025-05', [3]);
  const report = await harness.compare('mistral', '2025-04-10', '2025-05-02');
  expect(rowsOf(report)).toEqual([
    ['2025-04-01', 'AUDIO_SECOND', '2', '2', '0'],
    ['2025-05-01', 'AUDIO_SECOND', '3', '3', '0'],
  ]);
  expect(report.end.toISOString()).toBe('2025-06-01T00:00:00.000Z');
});

test('where the provider is out of reach its last known count stands in, and says when it was told', async () => {
  const workspaceId = await harness.usage.workspace();
  await harness.usage.event({ workspaceId, provider: 'cartesia', characters: 10, at: '2025-05-01T10:00:00Z' });
  harness.stub.usage.cartesia.push({ date: '2025-05-01', credits: 12 });
  const before = await harness.compare('cartesia', '2025-05-01', '2025-05-03');
  await harness.usage.event({ workspaceId, provider: 'cartesia', characters: 2, at: '2025-05-01T11:00:00Z' });
  harness.stub.fault(() => ({ kind: 'answer', status: 504, headers: { 'x-should-retry': 'false' } }));
  const down = await harness.compare('cartesia', '2025-05-01', '2025-05-03');
  expect(rowsOf(down)).toEqual([['2025-05-01', 'CHARACTER', '12', '12', '0']]);
  expect(down.countedAt).toEqual(before.countedAt);
  // Never asked about the fourth; and a refusal is no outage.
  await expect(harness.compare('cartesia', '2025-05-01', '2025-05-04')).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
  harness.stub.fault(() => ({ kind: 'answer', status: 401 }));
  await expect(harness.compare('cartesia', '2025-05-01', '2025-05-03')).rejects.toMatchObject({ kind: 'UNAUTHORIZED' });
});
