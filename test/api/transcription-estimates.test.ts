import type { TestServer, TestWorkspace } from '../support/test-server';
import { standing } from './support/speech-api';
import {
  createUpload,
  startTranscriptionServer,
  tokenClient,
  transcribe,
  upload,
  wavOf,
} from './support/transcription-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTranscriptionServer({ plan: 'pro' });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ plan: 'pro' });
});
afterAll(() => server?.close());

const ESTIMATE = `query ($input: EstimateTranscriptionInput!) { estimateTranscription(input: $input) {
  provider { id } model voiceId byok characters allowanceCharacters inputTokens totalTokens audioSeconds
  credits creditsAtMost costUsd balanceAfter affordable summary } }`;
const ask = (
  client: Pick<TestWorkspace, 'graphql'>,
  input: Readonly<Record<string, unknown>>,
  headers?: Readonly<Record<string, string>>,
) => client.graphql<{ estimateTranscription: Readonly<Record<string, unknown>> }>(ESTIMATE, { input }, headers);

it('says what so many seconds would cost, and deducts nothing', async () => {
  const before = await standing(server, workspace);
  const { data } = await ask(workspace, { audioSeconds: '61.5' });
  expect(data!.estimateTranscription).toEqual({
    provider: { id: 'openai' },
    model: 'openai/gpt-transcribe',
    voiceId: null,
    byok: false,
    characters: 0,
    allowanceCharacters: 0,
    inputTokens: 0,
    totalTokens: 0,
    audioSeconds: 61.5,
    credits: '12.3',
    creditsAtMost: '12.3',
    costUsd: '0.0123',
    balanceAfter: '199987.7',
    affordable: true,
    summary: 'This transcription will use 61.5 seconds of audio and cost 12.3 credits with OpenAI.',
  });
  expect(await standing(server, workspace)).toEqual(before);
});

it('is what it then costs, to the micro-credit', async () => {
  for (const milliseconds of [1, 777, 1_000, 59_999]) {
    const { data } = await ask(workspace, { audioSeconds: String(milliseconds / 1_000) });
    const { usage } = await transcribe(workspace, {
      audio: { base64: wavOf(milliseconds).toString('base64') },
    });
    expect(usage.credits).toBe(data!.estimateTranscription.credits);
  }
});

it('measures an upload, without sending it anywhere', async () => {
  const { id } = await upload(server, workspace, wavOf(2_500));
  const { calls } = server.stub;
  const { data } = await ask(workspace, { uploadId: id });
  expect(data!.estimateTranscription).toMatchObject({ audioSeconds: 2.5, credits: '0.5' });
  expect(server.stub.calls).toBe(calls);
  // It is as good as unused.
  expect((await transcribe(workspace, { audio: { uploadId: id } })).usage.credits).toBe('0.5');
});

it.each<[string, Record<string, unknown>, string]>([
  ['nothing', {}, 'BAD_USER_INPUT'],
  ['both', { audioSeconds: '1', uploadId: 'x' }, 'BAD_USER_INPUT'],
  ['no seconds', { audioSeconds: '0' }, 'BAD_USER_INPUT'],
  ['less than none', { audioSeconds: '-1' }, 'BAD_USER_INPUT'],
  ['seven decimals', { audioSeconds: '0.0000001' }, 'BAD_USER_INPUT'],
  ['four hours and a bit', { audioSeconds: '14400.001' }, 'PAYLOAD_TOO_LARGE'],
  ['an upload that is not there', { uploadId: 'nobody' }, 'NOT_FOUND'],
])('refuses %s', async (_name, input, code) => {
  expect((await ask(workspace, input)).code).toBe(code);
});

it('refuses an upload of another, one that has not arrived, and one that is no audio', async () => {
  const other = await server.createWorkspace({ plan: 'pro' });
  const foreign = await upload(server, other);
  const waiting = (await createUpload(workspace, { purpose: 'AUDIO', contentType: 'audio/wav', sizeBytes: 10 })).data!
    .createUpload!.upload;
  const noise = await upload(server, workspace, Buffer.alloc(500, 0x01));
  expect((await ask(workspace, { uploadId: foreign.id })).code).toBe('NOT_FOUND');
  expect((await ask(workspace, { uploadId: waiting.id })).code).toBe('BAD_USER_INPUT');
  expect((await ask(workspace, { uploadId: noise.id })).code).toBe('BAD_USER_INPUT');
});

it('follows an own key, and for a client token its budget', async () => {
  const own = await ask(workspace, { audioSeconds: '60' }, { 'x-provider-key-openai': 'own' });
  expect(own.data!.estimateTranscription).toMatchObject({ byok: true, credits: '0', affordable: true });
  const token = await tokenClient(server, workspace, { maxCredits: '11' });
  expect((await ask(token, { audioSeconds: '60' })).data!.estimateTranscription).toMatchObject({
    credits: '12',
    affordable: false,
    balanceAfter: '0',
  });
});
