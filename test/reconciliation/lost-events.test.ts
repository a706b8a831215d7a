import { Reconciler } from '../../src/reconciliation/reconciler';
import { at, FLASH, NOW, ReconcilerHarness, rowsOf } from './support/reconciler-harness';

let harness: ReconcilerHarness;

beforeAll(async () => {
  harness = await ReconcilerHarness.open();
});
beforeEach(() => harness.begin());
afterEach(() => harness.end());
afterAll(() => harness?.data.close());

test('one is found by time, model and quantity; it stays UNKNOWN, costs nothing, and the drift is gone', async () => {
  const workspaceId = await harness.usage.workspace();
  const lost = { workspaceId, ...FLASH, status: 'UNKNOWN' } as const;
  const id = await harness.usage.event({ ...lost, at: at('01T10:00:00'), characters: 10 });
  const own = await harness.usage.event({ ...lost, at: at('01T10:00:00'), characters: 10, credential: 'STORED_KEY' });
  harness.history('other-time', at('01T12:00:00'), 'ten chars!', 5);
  harness.history('other-length', at('01T10:00:01'), 'eleven char', 6);
  harness.stub.usage.elevenLabs.push({
    requestId: 'model',
    at: at('01T10:00:01'),
    model: 'eleven_v3',
    text: 'ten chars!',
    billed: 10,
  });
  harness.history('it', at('01T10:00:02'), 'ten chars!', 5);
  const before = await harness.compare('elevenlabs', '2025-05-01', '2025-05-02');
  expect([rowsOf(before), before.unresolved]).toEqual([[['2025-05-01', 'CHARACTER', '0', '26', '26']], 1]);

  const { report, resolution } = await harness.resolve('elevenlabs', '2025-05-01', '2025-05-02');
  expect(resolution).toEqual({ resolved: [{ eventId: id, workspaceId, counted: '5 CHARACTER' }], open: [] });
  expect([rowsOf(report), report.unresolved]).toEqual([[['2025-05-01', 'CHARACTER', '5', '26', '21']], 0]);
  expect(report.requests!.unclaimed.count).toBe(3);
  expect(await harness.usage.reconciled(id)).toEqual({
    done: true,
    status: 'UNKNOWN',
    count: { unit: 'characters', quantity: 5 },
  });
  expect(await harness.usage.reconciled(own)).toMatchObject({ done: false });

  // Twice is as good as once.
  const again = await harness.resolve('elevenlabs', '2025-05-01', '2025-05-02');
  expect(again.resolution).toEqual({ resolved: [], open: [] });
  expect(rowsOf(again.report)).toEqual(rowsOf(report));
});

test('what could be more than one stays, and says so', async () => {
  const workspaceId = await harness.usage.workspace();
  const lost = { workspaceId, ...FLASH, status: 'UNKNOWN' } as const;
  const two = await harness.usage.event({ ...lost, at: at('01T10:00:00'), characters: 3 });
  harness.history('one', at('01T10:00:01'), 'abc', 2);
  harness.history('another', at('01T10:00:02'), 'xyz', 2);
  const shared = [at('02T10:00:00'), at('02T10:00:05')];
  const both = [];
  for (const when of shared) both.push(await harness.usage.event({ ...lost, at: when, characters: 3 }));
  harness.history('of-either', at('02T10:00:06'), 'abc', 2);
  const length = await harness.usage.event({ ...lost, at: at('03T10:00:00'), characters: 99 });
  harness.history('short', at('03T10:00:01'), 'abc', 2);
  const { report, resolution } = await harness.resolve('elevenlabs', '2025-05-01', '2025-05-04');
  expect(resolution.resolved).toEqual([]);
  expect(resolution.open.map(({ event, reason }) => [event.id, reason])).toEqual([
    [two, 'AMBIGUOUS'],
    [both[0], 'AMBIGUOUS'],
    [both[1], 'AMBIGUOUS'],
    [length, 'OTHER_LENGTH'],
  ]);
  expect(report.unresolved).toBe(4);
});

test('where nothing was listed at its time the provider counted nothing, once its list is old enough', async () => {
  const workspaceId = await harness.usage.workspace();
  const lost = { workspaceId, ...FLASH, status: 'UNKNOWN', characters: 3 } as const;
  const old = await harness.usage.event({ ...lost, at: at('01T10:00:00') });
  const recent = await harness.usage.event({ ...lost, at: NOW - 3_600_000 });
  const { resolution } = await harness.resolve('elevenlabs', '2025-05-01', '2025-06-11');
  expect(resolution.resolved).toEqual([{ eventId: old, workspaceId, counted: '0 CHARACTER' }]);
  expect(resolution.open).toMatchObject([{ event: { id: recent }, reason: 'NOT_CLOSED' }]);
  expect(await harness.usage.reconciled(old)).toMatchObject({ count: { unit: 'characters', quantity: 0 } });
});

test('without a list, the drift of a day is explained by what was lost on it, or not at all', async () => {
  const workspaceId = await harness.usage.workspace();
  const lost = { workspaceId, provider: 'openai', status: 'UNKNOWN', capability: 'SPEECH_TO_TEXT' } as const;
  const first = await harness.usage.event({ ...lost, at: at('01T10:00:00'), estimatedAudioMilliseconds: 1_200 });
  const second = await harness.usage.event({ ...lost, at: at('01T23:59:59'), estimatedAudioMilliseconds: 3_000 });
  const odd = await harness.usage.event({ ...lost, at: at('02T10:00:00'), estimatedAudioMilliseconds: 3_000 });
  const none = await harness.usage.event({ ...lost, at: at('03T10:00:00'), estimatedAudioMilliseconds: 3_000 });
  const seconds = (date: string, count: number) =>
    harness.stub.usage.openAi.push({ date, endpoint: 'audio_transcriptions', result: { seconds: count } });
  seconds('2025-05-01', 5);
  seconds('2025-05-02', 7);
  const { report, resolution } = await harness.resolve('openai', '2025-05-01', '2025-05-04');
  expect(resolution.resolved.map(({ eventId, counted }) => [eventId, counted])).toEqual([
    [first, '2 AUDIO_SECOND'],
    [second, '3 AUDIO_SECOND'],
    [none, '0 AUDIO_SECOND'],
  ]);
  expect(resolution.open).toMatchObject([{ event: { id: odd }, reason: 'NOT_EXPLAINED' }]);
  expect(rowsOf(report)).toEqual([
    ['2025-05-01', 'AUDIO_SECOND', '5', '5', '0'],
    ['2025-05-02', 'AUDIO_SECOND', '0', '7', '7'],
  ]);
  expect(report.unresolved).toBe(1);
});

test('a lost chat that is alone on a closed day is what the provider counted more', async () => {
  const workspaceId = await harness.usage.workspace();
  const chat = { workspaceId, provider: 'anthropic', capability: 'LANGUAGE_MODEL' } as const;
  await harness.usage.event({ ...chat, at: at('01T09:00:00'), inputTokens: 10, outputTokens: 1 });
  const alone = await harness.usage.event({ ...chat, at: at('01T10:00:00'), status: 'UNKNOWN' });
  const two = [];
  for (const when of [at('02T10:00:00'), at('02T11:00:00')]) {
    two.push(await harness.usage.event({ ...chat, at: when, status: 'UNKNOWN' }));
  }
  harness.stub.usage.anthropic.push(
    { date: '2025-05-01', result: { uncached_input_tokens: 110, output_tokens: 21 } },
    { date: '2025-05-02', result: { uncached_input_tokens: 100, output_tokens: 20 } },
  );
  const { report, resolution } = await harness.resolve('anthropic', '2025-05-01', '2025-05-03');
  expect(resolution.resolved).toMatchObject([{ eventId: alone, counted: '100 INPUT_TOKEN, 20 OUTPUT_TOKEN' }]);
  expect(resolution.open.map(({ event, reason }) => [event.id, reason])).toEqual(
    two.map((id) => [id, 'NOT_EXPLAINED']),
  );
  expect(await harness.usage.reconciled(alone)).toMatchObject({
    count: { unit: 'tokens', quantity: 120, inputTokens: 100, outputTokens: 20 },
  });
  expect(report.rows.filter(({ drifted }) => drifted).map(({ date }) => date)).toEqual(['2025-05-02', '2025-05-02']);
});

test('a list that tells no quantities leaves it to the sums of the day', async () => {
  const workspaceId = await harness.usage.workspace();
  const lost = { workspaceId, provider: 'deepgram', model: 'deepgram/aura-2', status: 'UNKNOWN' } as const;
  const id = await harness.usage.event({ ...lost, at: at('01T10:00:00'), characters: 40 });
  const { days, requests } = harness.stub.usage.deepgram.get('project-1')!;
  days.push({ date: '2025-05-01', endpoint: 'speak', hours: 0, characters: 40 });
  requests.push({ id: 'it', at: at('01T10:00:01'), path: '/v1/speak?model=aura-2-thalia-en' });
  const { resolution, report } = await harness.resolve('deepgram', '2025-05-01', '2025-05-02');
  expect(resolution.resolved).toMatchObject([{ eventId: id, counted: '40 CHARACTER' }]);
  expect(rowsOf(report)).toEqual([['2025-05-01', 'CHARACTER', '40', '40', '0']]);
});

test('of several runs at once each operation is found by one, and no request stands for two', async () => {
  const workspaceId = await harness.usage.workspace();
  const ids: string[] = [];
  for (let minute = 0; minute < 10; minute++) {
    const when = at('01T10:00:00') + minute * 1_800_000;
    ids.push(
      await harness.usage.event({ workspaceId, ...FLASH, status: 'UNKNOWN', at: when, characters: 10 + minute }),
    );
    harness.history(`r${minute}`, when + 500, 'x'.repeat(10 + minute), 10 + minute);
  }
  const { reconciler, data, clock } = harness;
  const other = new Reconciler(await data.openAnother(), clock);
  const runs = await Promise.all(
    [reconciler, other, reconciler, other].map((one) => harness.resolve('elevenlabs', '2025-05-01', '2025-05-02', one)),
  );
  const found = runs.flatMap(({ resolution }) => resolution.resolved.map(({ eventId }) => eventId));
  expect([...found].sort()).toEqual([...ids].sort());
  expect(rowsOf(await harness.compare('elevenlabs', '2025-05-01', '2025-05-02'))).toEqual([
    ['2025-05-01', 'CHARACTER', '145', '145', '0'],
  ]);
});
