import { Gate } from '../support/provider-stub';
import type { TestServer, TestWorkspace } from '../support/test-server';
import {
  ask,
  base64Of,
  findTranscription,
  MINUTE,
  refusedTranscription,
  SECOND,
  startTranscriptionServer,
  transcribe,
  transcriptionEvents,
  upload,
  wavOf,
} from './support/transcription-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTranscriptionServer();
});
beforeEach(async () => {
  server.stub.fault(null);
  workspace = await server.createWorkspace({ plan: 'scale' });
});
afterAll(() => server?.close());

const KEYED = { ...SECOND, idempotencyKey: 'one' };

it('the same key and audio are done and charged once', async () => {
  const first = await transcribe(workspace, KEYED);
  const { calls } = server.stub;
  const again = await transcribe(workspace, KEYED);
  expect(again).toEqual({ ...first, replayed: true });
  expect(server.stub.calls).toBe(calls);
  expect(await transcriptionEvents(workspace)).toHaveLength(1);
});

it.each<[string, Record<string, unknown>]>([
  ['other bytes', { audio: base64Of(wavOf(1_001)) }],
  ['another model', { model: 'whisper-1' }],
  ['another language', { language: 'de' }],
  ['another prompt', { prompt: 'Polyphony' }],
  ['other metadata', { metadata: { a: 'b' } }],
  ['other maxCredits', { maxCredits: '9' }],
])('%s under the same key are a conflict', async (_name, more) => {
  await transcribe(workspace, KEYED);
  expect((await refusedTranscription(workspace, { ...KEYED, ...more })).extensions.code).toBe('CONFLICT');
});

it('an own key is another input', async () => {
  await transcribe(workspace, KEYED);
  const headers = { 'x-provider-key-openai': 'own' };
  expect((await refusedTranscription(workspace, KEYED, headers)).extensions.code).toBe('CONFLICT');
});

it('the bytes count, not the way they come', async () => {
  const first = await transcribe(workspace, KEYED);
  const { id } = await upload(server, workspace);
  const again = await transcribe(workspace, { ...KEYED, audio: { uploadId: id } });
  expect([again.replayed, again.transcription.id]).toEqual([true, first.transcription.id]);
});

it('an upload that was used up still brings what it was used for, and nothing else', async () => {
  const { id } = await upload(server, workspace);
  const input = { provider: 'openai', audio: { uploadId: id }, idempotencyKey: 'uploaded' };
  const first = await transcribe(workspace, input);
  expect(await transcribe(workspace, input)).toEqual({ ...first, replayed: true });
  expect((await refusedTranscription(workspace, { ...input, idempotencyKey: 'other' })).extensions.code).toBe(
    'NOT_FOUND',
  );
  expect((await refusedTranscription(workspace, { ...input, language: 'de' })).extensions.code).toBe('CONFLICT');
});

it('twenty at the same time are one operation', async () => {
  const gate = new Gate();
  server.stub.fault(() => ({ kind: 'gated', gate }));
  const { calls } = server.stub;
  const all = Array.from({ length: 20 }, () => transcribe(workspace, KEYED));
  await server.stub.when((stub) => stub.calls > calls);
  gate.open();
  const answers = await Promise.all(all);
  expect(server.stub.calls).toBe(calls + 1);
  expect(new Set(answers.map(({ transcription }) => transcription.id)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(await transcriptionEvents(workspace)).toHaveLength(1);
});

it('what failed under a key runs again', async () => {
  server.stub.fault(() => ({ kind: 'answer', status: 400, body: { error: { message: 'no' } } }));
  await refusedTranscription(workspace, KEYED);
  server.stub.fault(null);
  expect(await transcribe(workspace, KEYED)).toMatchObject({ replayed: false, usage: { status: 'SUCCEEDED' } });
  expect((await transcriptionEvents(workspace)).map(({ status, credits }) => [status, credits])).toEqual([
    ['SUCCEEDED', '0.2'],
    ['FAILED', '0'],
  ]);
});

it('keys of other operations and workspaces are others', async () => {
  await transcribe(workspace, KEYED);
  const other = await server.createWorkspace({ plan: 'scale' });
  expect((await transcribe(other, { ...MINUTE, idempotencyKey: 'one' })).replayed).toBe(false);
});

it('a transcript that cannot be kept is not charged', async () => {
  await server.database.query('ALTER TABLE transcriptions RENAME TO transcriptions_away');
  try {
    const { errors } = await ask(workspace, KEYED);
    expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
  } finally {
    await server.database.query('ALTER TABLE transcriptions_away RENAME TO transcriptions');
  }
  expect(await transcriptionEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0' }]);
  expect((await transcribe(workspace, KEYED)).replayed).toBe(false);
  expect(await server.verifyLedger()).toMatchObject({ findings: [] });
});

it('a settlement that is lost after the text was kept charges nothing and shows nothing', async () => {
  let lost = false;
  const failing = await startTranscriptionServer({
    replacements: {
      ledger: (ledger) => ({
        reserve: (request) => ledger.reserve(request),
        settle: (request) => (lost ? Promise.reject(new Error('the database is gone')) : ledger.settle(request)),
      }),
    },
  });
  try {
    lost = true;
    const { extensions } = await refusedTranscription(failing.client, KEYED);
    expect(extensions.code).toBe('OUTCOME_UNKNOWN');
    const { rows } = await failing.database.query<{ id: string }>('SELECT id FROM transcriptions');
    expect(rows).toHaveLength(1);
    const found = await findTranscription(failing.client, rows[0]!.id);
    // It still holds its credits until its lease runs out.
    expect(found.code).toBe('CONFLICT');
    expect(await transcriptionEvents(failing.client)).toEqual([]);
  } finally {
    await failing.close();
  }
});
