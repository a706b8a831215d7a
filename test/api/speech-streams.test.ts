import { Gate } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import {
  cancelSpeech,
  findSpeech,
  HELLO,
  HELLO_CREDITS,
  onlyError,
  SYNTHESIZE,
  settledSpeech,
  speak,
  standing,
  synthesize,
  usageEvents,
} from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '10000');
  // The lists of voices are asked for once, and are not what these tests hold up.
  for (const provider of ['elevenlabs', 'kokoro']) await speak(workspace, { ...HELLO, provider });
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

/** 130 characters: 125 kB of MP3, some 30 pieces of the stand-in. */
const TEXT = 'Hello there. '.repeat(10).trim();
const CREDITS = '21.414';
const STREAM = { provider: 'elevenlabs', text: TEXT, delivery: 'STREAM' } as const;

/** A speech whose audio comes piece by piece, as the test releases it. */
async function gatedStream(input: Record<string, unknown> & { text: string } = STREAM) {
  const gate = new Gate();
  server.stub.fault(() => ({ kind: 'gated', gate }));
  const answer = await speak(workspace, input);
  return { gate, answer, id: answer.speech.id, url: answer.speech.audio!.url };
}

describe('STREAM', () => {
  it('is answered before there is any audio, and its address plays while the audio is made', async () => {
    const { gate, answer, id, url } = await gatedStream();
    expect(answer).toMatchObject({
      replayed: false,
      usage: null,
      speech: {
        status: 'GENERATING',
        usage: null,
        audio: { contentType: 'audio/mpeg', sizeBytes: null, durationSeconds: null },
      },
    });
    expect(await findSpeech(workspace, id)).toMatchObject({ status: 'GENERATING', audio: { format: 'MP3' } });

    const listener = await listen(url);
    expect(listener.status).toBe(200);
    expect(listener.headers.get('content-type')).toBe('audio/mpeg');
    expect(listener.headers.get('cache-control')).toBe('private, no-store');
    expect(listener.headers.get('x-content-type-options')).toBe('nosniff');
    expect(listener.headers.get('referrer-policy')).toBe('no-referrer');
    expect(listener.headers.get('accept-ranges')).toBeNull();
    expect(listener.headers.get('content-length')).toBeNull();
    gate.release(2);
    await listener.hear(4_096);
    expect((await findSpeech(workspace, id)).status).toBe('GENERATING');
    gate.open();
    const heard = await listener.all();

    const speech = await settledSpeech(server, workspace, id);
    expect(speech).toMatchObject({ status: 'COMPLETED', usage: { status: 'SUCCEEDED', credits: CREDITS } });
    const stored = await listen(speech.audio!.url);
    expect(stored.headers.get('accept-ranges')).toBe('bytes');
    expect((await stored.all()).equals(heard)).toBe(true);
    expect(heard.length).toBe(speech.audio!.sizeBytes);
  });

  it('many listeners hear all of it, whenever they come, go and come back, and it is made and charged once', async () => {
    const before = await standing(server, workspace);
    const { gate, id, url } = await gatedStream();
    const first = await listen(url);
    const second = await listen(url);
    gate.release(5);
    await first.hear(12_000);
    const late = await listen(url);
    await late.hear(12_000);
    await second.hear(4_096);
    second.leave();
    const again = await listen(url, { range: `bytes=${second.heard.length}-` });
    expect([again.status, again.headers.get('content-range')]).toEqual([200, null]);
    first.leave();
    const dropped = first.heard;
    gate.open();
    const [whole, reopened] = await Promise.all([late.all(), again.all()]);
    expect(reopened.equals(whole)).toBe(true);

    const speech = await settledSpeech(server, workspace, id);
    const rest = await listen(url, { range: `bytes=${dropped.length}-` });
    expect(rest.status).toBe(206);
    expect(Buffer.concat([dropped, await rest.all()]).equals(whole)).toBe(true);
    expect(speech.usage).toMatchObject({ credits: CREDITS, requests: 1 });
    expect(await standing(server, workspace)).toMatchObject({
      spendable: String(Number(before.spendable) - 21_414_000),
      events: String(Number(before.events) + 1),
      held: '0',
      calls: Number(before.calls) + 1,
    });
  });

  it('runs on when every listener has left, and when none ever came', async () => {
    const { gate, id, url } = await gatedStream();
    const listener = await listen(url);
    gate.release(2);
    await listener.hear(4_096);
    listener.leave();
    gate.open();
    const speech = await settledSpeech(server, workspace, id);
    expect(speech).toMatchObject({ status: 'COMPLETED', usage: { credits: CREDITS } });

    const silent = await speak(workspace, STREAM);
    expect(await settledSpeech(server, workspace, silent.speech.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('a WAV plays at once with a header that promises no length, and is kept with the true one', async () => {
    const { gate, id, url } = await gatedStream({ provider: 'kokoro', text: TEXT, format: 'WAV', delivery: 'STREAM' });
    const listener = await listen(url);
    gate.open();
    const heard = await listener.all();
    await settledSpeech(server, workspace, id);
    const stored = await (await listen(url)).all();
    expect(stored.length).toBe(heard.length);
    expect(stored.subarray(44).equals(heard.subarray(44))).toBe(true);
    expect([stored.readUInt32LE(4), stored.readUInt32LE(40)]).toEqual([stored.length - 8, stored.length - 44]);
    expect(heard.readUInt32LE(40)).toBeGreaterThanOrEqual(heard.length - 44);
  });

  it('a HEAD of audio that is being made says what it will be, and no length', async () => {
    const { gate, id, url } = await gatedStream();
    gate.release();
    const { status, headers } = await server.anonymous.send(url, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('audio/mpeg');
    expect(headers).not.toHaveProperty('content-length');
    gate.open();
    await settledSpeech(server, workspace, id);
  });

  it('that fails before anybody listens says FAILED and costs nothing', async () => {
    const before = await standing(server, workspace);
    server.stub.fault(() => ({ kind: 'cut-mid-body' }));
    const { speech } = await speak(workspace, STREAM);
    const failed = await settledSpeech(server, workspace, speech.id);
    expect(failed).toMatchObject({
      status: 'FAILED',
      errorCode: 'PROVIDER_UNAVAILABLE',
      audio: null,
      usage: { status: 'FAILED', credits: '0' },
    });
    expect((await listen(speech.audio!.url)).status).toBe(404);
    expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
  });

  it('that fails after a listener has heard some of it cuts the body and costs nothing', async () => {
    server.stub.fault(() => ({ kind: 'stall-mid-body' }));
    const { speech } = await speak(workspace, STREAM);
    const listener = await listen(speech.audio!.url);
    await listener.hear(4_096);
    // The provider's side of the connection goes away under it.
    const failed = expect(listener.all()).rejects.toThrow();
    server.stub.dropConnections();
    await failed;
    expect(await settledSpeech(server, workspace, speech.id)).toMatchObject({
      status: 'FAILED',
      usage: { status: 'FAILED', credits: '0' },
    });
  });

  it('is refused at once for what is wrong with it', async () => {
    const before = await standing(server, workspace);
    const answer = await synthesize(workspace, { ...STREAM, text: '' });
    expect(onlyError(answer).extensions.code).toBe('BAD_USER_INPUT');
    expect(await standing(server, workspace)).toEqual(before);
  });
});

describe('cancelSpeech', () => {
  it('before anybody has heard anything ends the call upstream and costs nothing', async () => {
    const before = await standing(server, workspace);
    const { aborted } = server.stub;
    const { id, url } = await gatedStream();
    await server.stub.when((stub) => stub.calls > Number(before.calls));
    const listener = await listen(url);
    const cut = expect(listener.all()).rejects.toThrow();
    const cancelled = await cancelSpeech(workspace, id);
    expect(cancelled).toMatchObject({
      speech: { id, status: 'ABORTED', errorCode: 'ABORTED', audio: null },
      usage: { id, status: 'ABORTED', credits: '0', characters: 0 },
    });
    await cut;
    await server.stub.when((stub) => stub.aborted > aborted);
    expect((await listen(url)).status).toBe(404);
    expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
  });

  it('after a listener has heard some of it charges the characters that the provider was sent', async () => {
    const { gate, id, url } = await gatedStream();
    const listener = await listen(url);
    gate.release(2);
    await listener.hear(4_096);
    const { usage } = await cancelSpeech(workspace, id);
    expect(usage).toMatchObject({ status: 'ABORTED', credits: CREDITS, characters: TEXT.length, errorCode: 'ABORTED' });
    await expect(listener.all()).rejects.toThrow();
  });

  it('of a long text charges the parts that were sent, and not those that were not', async () => {
    const sentence = `${'Hello there, '.repeat(20)}and so on. `;
    const text = sentence.repeat(30).trim();
    const { calls } = server.stub;
    const sent = () => server.stub.requests.filter(({ operation }) => operation === 'speech').slice(-2);
    server.stub.fault(() => (server.stub.calls === calls + 1 ? undefined : { kind: 'stall-mid-body' }));
    const { speech } = await speak(workspace, { ...STREAM, model: 'eleven_v3', text });
    const listener = await listen(speech.audio!.url);
    await server.stub.when((stub) => stub.calls === calls + 2);
    await listener.hear(4_096);
    const { usage } = await cancelSpeech(workspace, speech.id);
    const characters = sent().reduce((sum, { json }) => sum + (json as { text: string }).text.trim().length, 0);
    expect(characters).toBeLessThan(6_001);
    expect(characters).toBeLessThan(text.length);
    expect(usage).toMatchObject({ status: 'ABORTED', characters, credits: String((characters * 166) / 1_000) });
    expect(Number(usage!.heldCredits)).toBeCloseTo((text.length * 166) / 1_000, 6);
  });

  it('ends a COMPLETE speech as well: its caller hears ABORTED and pays nothing, as nothing was delivered', async () => {
    server.stub.fault(() => ({ kind: 'stall-mid-body' }));
    const { calls } = server.stub;
    const waiting = synthesize(workspace, { ...STREAM, delivery: 'COMPLETE' });
    await server.stub.when((stub) => stub.calls > calls);
    const { id } = server.container.live.all()[0]!;
    await cancelSpeech(workspace, id);
    expect(onlyError(await waiting).extensions).toMatchObject({
      code: 'ABORTED',
      usage: { id, status: 'ABORTED', credits: '0' },
    });
  });

  it('of a speech that has ended changes nothing, however often', async () => {
    const { speech } = await speak(workspace);
    const before = await standing(server, workspace);
    for (let count = 0; count < 2; count++) {
      expect(await cancelSpeech(workspace, speech.id)).toMatchObject({
        speech: { status: 'COMPLETED', audio: { sizeBytes: speech.audio!.sizeBytes } },
        usage: { status: 'SUCCEEDED', credits: HELLO_CREDITS },
      });
    }
    expect(await standing(server, workspace)).toEqual(before);
  });
});

describe('deleteSpeech', () => {
  const remove = (id: string) =>
    workspace.graphql<{ deleteSpeech: { deletedId: string } }>(
      'mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }',
      { id },
    );

  it('removes the audio at every address it ever had, and keeps what it cost', async () => {
    const { speech } = await speak(workspace);
    expect((await listen(speech.audio!.url)).status).toBe(200);
    const before = await standing(server, workspace);
    for (let count = 0; count < 2; count++) {
      expect((await remove(speech.id)).data).toEqual({ deleteSpeech: { deletedId: speech.id } });
    }
    expect((await listen(speech.audio!.url)).status).toBe(404);
    expect(await findSpeech(workspace, speech.id)).toMatchObject({
      status: 'COMPLETED',
      audio: null,
      usage: { status: 'SUCCEEDED', credits: HELLO_CREDITS },
    });
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({ id: speech.id, credits: HELLO_CREDITS });
    expect(await standing(server, workspace)).toEqual(before);
  });

  it('of a speech that is being made is a CONFLICT, and the speech goes on', async () => {
    const { gate, id } = await gatedStream();
    expect((await remove(id)).code).toBe('CONFLICT');
    gate.open();
    expect((await settledSpeech(server, workspace, id)).status).toBe('COMPLETED');
    expect((await remove(id)).errors).toBeUndefined();
  });
});

it('a caller that disconnects from COMPLETE is charged for a speech that runs on and is kept', async () => {
  const gate = new Gate();
  server.stub.fault(() => ({ kind: 'gated', gate }));
  const before = await standing(server, workspace);
  const left = new AbortController();
  const sent = workspace.send('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: SYNTHESIZE, variables: { input: { ...STREAM, delivery: 'COMPLETE' } } }),
    signal: left.signal,
  });
  await server.stub.when((stub) => stub.calls > Number(before.calls));
  const { id } = server.container.live.all()[0]!;
  left.abort();
  await expect(sent).rejects.toThrow();
  gate.open();
  const speech = await settledSpeech(server, workspace, id);
  expect(speech).toMatchObject({ status: 'COMPLETED', usage: { status: 'SUCCEEDED', credits: CREDITS } });
  expect((await (await listen(speech.audio!.url)).all()).length).toBe(speech.audio!.sizeBytes);
  expect(await standing(server, workspace)).toMatchObject({ events: String(Number(before.events) + 1), held: '0' });
});

it('the ledger is clean after all of it', async () => {
  expect(await server.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
});
