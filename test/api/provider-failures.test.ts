import type { StubFault } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  type AttemptFields,
  expectWellFormedErrors,
  findSpeech,
  HELLO,
  HELLO_CREDITS,
  onlyError,
  type SpeechInput,
  speak,
  standing,
  synthesize,
  usageEvents,
} from './support/speech-api';

const clock = new TestClock();
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true, clock });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '1000');
  // The list of voices is asked for once, and is not what these tests are about.
  for (const provider of ['elevenlabs', 'kokoro']) await speak(workspace, { ...HELLO, provider });
});
beforeEach(async () => {
  server.stub.fault(null);
  // Circuits that the last test opened let a request through again, and its answer closes them.
  await clock.advanceAsync(300_000);
  for (const provider of ['elevenlabs', 'kokoro']) await speak(workspace, { ...HELLO, provider });
});
afterAll(() => server?.close());

const answer = (status: number, body?: unknown, headers?: Record<string, string>): StubFault => ({
  kind: 'answer',
  status,
  body,
  headers,
});

interface Outcome {
  readonly code: string;
  readonly retryable: boolean;
  readonly outcome: string;
  readonly calls: number;
}
const unavailable = (calls: number): Outcome => ({
  code: 'PROVIDER_UNAVAILABLE',
  retryable: true,
  outcome: 'UNAVAILABLE',
  calls,
});
const REJECTED: Outcome = { code: 'PROVIDER_REJECTED', retryable: false, outcome: 'REJECTED', calls: 1 };
const UNAUTHORIZED: Outcome = { code: 'PROVIDER_UNAUTHORIZED', retryable: false, outcome: 'UNAUTHORIZED', calls: 1 };

const FAULTS: readonly (readonly [string, StubFault, Outcome])[] = [
  ['an answer without a byte', { kind: 'empty' }, unavailable(3)],
  ['an answer without an end', { kind: 'endless' }, REJECTED],
  ['a page of HTML', { kind: 'content-type', type: 'text/html; charset=utf-8' }, REJECTED],
  ['JSON that speaks of an error, with 200', { kind: 'error-in-200', body: { detail: 'quota' } }, REJECTED],
  ['bytes that are no audio', { kind: 'malformed' }, REJECTED],
  ['audio that is cut in the middle', { kind: 'cut-mid-body' }, unavailable(3)],
  ['a connection that is cut before the answer', { kind: 'hang-up' }, unavailable(3)],
  ['a redirect', answer(302, '', { location: 'http://127.0.0.1:1/' }), REJECTED],
  ['400', answer(400, { detail: { message: 'No.' } }), REJECTED],
  ['401', answer(401), UNAUTHORIZED],
  ['402', answer(402), UNAUTHORIZED],
  ['403', answer(403), UNAUTHORIZED],
  ['404', answer(404), REJECTED],
  ['422', answer(422, { detail: [{ loc: ['body', 'text'], msg: 'Too long', type: 'value_error' }] }), REJECTED],
  ['429', answer(429), unavailable(3)],
  ['429 with a Retry-After that can be waited for', answer(429, {}, { 'retry-after': '0' }), unavailable(3)],
  ['429 with a Retry-After of a day', answer(429, {}, { 'retry-after': '86400' }), unavailable(1)],
  ['500', answer(500, 'Internal Server Error'), unavailable(3)],
  ['503', answer(503, '<html>Bad gateway</html>'), unavailable(3)],
];

describe.each(['elevenlabs', 'kokoro'])('%s answers with something other than the speech', (provider) => {
  const credential = provider === 'kokoro' ? 'NONE' : 'PLATFORM';

  it.each(FAULTS)('%s: the failure has its code, is recorded, and costs nothing', async (_name, fault, expected) => {
    server.stub.fault(() => fault);
    const { error, attempts } = await failed({ ...HELLO, provider });
    expect(error.extensions).toMatchObject({ code: expected.code, provider, retryable: expected.retryable });
    const attempt = { provider, credential, outcome: expected.outcome, errorCode: expected.code };
    expect(attempts).toEqual(Array(expected.calls).fill(expect.objectContaining(attempt)));
    expect(error.extensions.attempts).toEqual(attempts.map((one) => expect.objectContaining(one)));
  });

  it.each(['COMPLETE', 'STREAM'])('a failure that passes is tried again, and charged once (%s)', async (delivery) => {
    const faults: (StubFault | undefined)[] = [{ kind: 'hang-up' }, answer(503), undefined];
    server.stub.fault(() => faults.shift());
    const before = await standing(server, workspace);
    const { speech } = await speak(workspace, { ...HELLO, provider, delivery });
    await server.container.live.all()[0]?.settled;
    const { status, usage } = await findSpeech(workspace, speech.id);
    expect(status).toBe('COMPLETED');
    expect(usage!.attempts.map(({ outcome }) => outcome)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'SERVED']);
    expect(usage).toMatchObject({ status: 'SUCCEEDED', errorCode: null, requests: 3 });
    const after = await standing(server, workspace);
    expect(Number(before.spendable) - Number(after.spendable)).toBe(Number(usage!.credits) * 1_000_000);
    expect(Number(after.events)).toBe(Number(before.events) + 1);
    expect(after).toMatchObject({ held: '0', holds: '0' });
  });
});

it('audio without a content type is audio all the same', async () => {
  server.stub.fault(() => ({ kind: 'content-type', type: null }));
  expect((await speak(workspace)).usage).toMatchObject({ status: 'SUCCEEDED', credits: HELLO_CREDITS });
});

it('what a provider says never carries the key or the text to the caller', async () => {
  const text = 'A sentence that nobody else has ever written.';
  server.stub.fault(({ headers }) =>
    answer(401, { detail: { message: `The key ${String(headers['xi-api-key'])} may not say: ${text}` } }),
  );
  const { error } = await failed({ ...HELLO, text });
  expect(error.message).toContain('ElevenLabs');
  expect(error.message).not.toContain('stub-key');
  expect(error.message).not.toContain(text);
});

describe('a provider that stalls', () => {
  it.each<[string, StubFault]>([
    ['before its answer', { kind: 'stall-before-headers' }],
    ['in the middle of its answer', { kind: 'stall-mid-body' }],
  ])('%s is given up after the patience of the platform, and the failure costs nothing', async (_name, fault) => {
    const { error, attempts } = await stalled(fault, HELLO, 600_000);
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_TIMEOUT', provider: 'elevenlabs', retryable: true });
    expect(attempts).toHaveLength(1);
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({ status: 'FAILED', errorCode: 'PROVIDER_TIMEOUT' });
  });

  it.each<[string, StubFault]>([
    ['before its answer', { kind: 'stall-before-headers' }],
    ['in the middle of its answer', { kind: 'stall-mid-body' }],
  ])('%s is ended by the timeoutMs of the caller, as if the caller had left', async (_name, fault) => {
    const { error } = await stalled(fault, { ...HELLO, routing: { timeoutMs: 1_000 } }, 1_000);
    expect(error.extensions).toMatchObject({
      code: 'ABORTED',
      usage: { status: 'ABORTED', credits: '0', characters: expect.any(Number) },
    });
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({
      status: 'ABORTED',
      errorCode: 'ABORTED',
      credits: '0',
    });
  });

  async function stalled(fault: StubFault, input: SpeechInput, ms: number) {
    server.stub.fault(() => fault);
    const { calls } = server.stub;
    const { aborted } = server.stub;
    const ending = failed(input);
    await server.stub.when((stub) => stub.calls > calls);
    await clock.advanceAsync(ms);
    const outcome = await ending;
    await server.stub.when((stub) => stub.aborted > aborted);
    return outcome;
  }
});

it('a failure leaves a speech that says so, without audio', async () => {
  server.stub.fault(() => answer(422));
  await failed(HELLO);
  const [event] = await usageEvents(workspace, 1);
  expect(await findSpeech(workspace, event!.id)).toMatchObject({
    status: 'FAILED',
    errorCode: 'PROVIDER_REJECTED',
    audio: null,
    usage: { id: event!.id, status: 'FAILED', credits: '0' },
  });
});

it('in a document of several, a failure stands beside the results that were paid for', async () => {
  server.stub.fault(({ json }) => ((json as { text: string }).text === 'Fail.' ? answer(422) : undefined));
  const both = await workspace.graphql<Record<'good' | 'bad' | 'better', { usage: { credits: string } } | null>>(
    `mutation { ${['good', 'bad', 'better'].map((name) => `${name}: synthesizeSpeech(input: { provider: "elevenlabs", text: "${name === 'bad' ? 'Fail.' : 'Good.'}" }) { usage { credits } }`).join(' ')} }`,
  );
  expect(both).toMatchObject({
    status: 200,
    data: { good: { usage: { credits: '0.83' } }, bad: null, better: { usage: { credits: '0.83' } } },
    errors: [{ path: ['bad'], extensions: { code: 'PROVIDER_REJECTED' } }],
  });
});

it('the ledger is clean after all of it', async () => {
  expect(await server.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
});

/** A speech that must fail: nothing is charged or held, one event says why, and its attempts are the requests that came. */
async function failed(input: SpeechInput) {
  const before = await standing(server, workspace);
  const result = await synthesize(workspace, input);
  expectWellFormedErrors(result);
  expect(result).toMatchObject({ status: 200, data: { synthesizeSpeech: null } });
  const error = onlyError(result);
  const [event] = await usageEvents(workspace, 1);
  const attempts: readonly AttemptFields[] = event!.attempts;
  expect(event).toMatchObject({ credits: '0', costUsd: '0', billableTokens: 0, errorCode: error.extensions.code });
  expect(await standing(server, workspace)).toEqual({
    ...before,
    events: String(Number(before.events) + 1),
    calls: Number(before.calls) + attempts.length,
  });
  return { error, attempts };
}
