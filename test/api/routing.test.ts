import { sniffFormat } from '../../providers/audio/sniff-format';
import { eventOf, listen as listenTo, newKey } from '../live/support/speech-stream';
import { Gate, type StubRequest } from '../support/provider-stub';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import {
  DOWN,
  failingAt,
  KOKORO,
  KOKORO_CREDITS,
  LOSSLESS,
  outcomes,
  REFUSED,
  useRoutingServer,
  WITH_FALLBACK,
} from './support/routing-api';
import {
  balanceOf,
  HELLO,
  HELLO_CREDITS,
  onlyError,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  synthesize,
  usageEvents,
} from './support/speech-api';

const routed = useRoutingServer();
const { clock } = routed;
let server: TestServer;
let workspace: TestWorkspace;
beforeEach(() => {
  ({ server, workspace } = routed);
});

const speechRequests = (): readonly StubRequest[] =>
  server.stub.requests.filter(({ operation }) => operation === 'speech');

describe('a fallback', () => {
  it.each([
    ['an outage', DOWN, 'elevenlabs UNAVAILABLE, elevenlabs UNAVAILABLE, elevenlabs UNAVAILABLE, kokoro SERVED'],
    ['a refusal', REFUSED, 'elevenlabs REJECTED, kokoro SERVED'],
    ['a key that is refused', { kind: 'answer', status: 401 } as const, 'elevenlabs UNAUTHORIZED, kokoro SERVED'],
    [
      'audio that is cut in the middle',
      { kind: 'cut-mid-body' } as const,
      'elevenlabs UNAVAILABLE, elevenlabs UNAVAILABLE, elevenlabs UNAVAILABLE, kokoro SERVED',
    ],
    ['bytes that are no audio', { kind: 'malformed' } as const, 'elevenlabs REJECTED, kokoro SERVED'],
  ])('serves after %s, with its own voice and at its own price', async (_what, fault, attempts) => {
    server.stub.fault(failingAt('elevenlabs', fault));
    const { speech, usage } = await speak(workspace, WITH_FALLBACK);
    expect(usage).toMatchObject({ credits: KOKORO_CREDITS, heldCredits: HELLO_CREDITS, characters: 12 });
    expect(outcomes(usage!.attempts)).toBe(attempts);
    expect(usage!.requests).toBe(usage!.attempts.length);
    expect(speech).toMatchObject({
      status: 'COMPLETED',
      providerId: 'kokoro',
      model: 'kokoro/kokoro',
      voiceId: 'kokoro/af_heart',
      audio: { format: 'MP3', sampleRate: 24_000 },
    });
    expect(await balanceOf(workspace)).toMatchObject({ used: KOKORO_CREDITS, held: '0' });
    const audio = await (await listen(speech.audio!.url)).all();
    expect(audio.length).toBe(speech.audio!.sizeBytes);
    expect(sniffFormat(audio)).toBe('MP3');
    expect(speechRequests().at(-1)).toMatchObject({ provider: 'kokoro', json: { voice: 'af_heart' } });
  });

  it('is not asked, and costs nothing, when the first serves', async () => {
    const { usage, speech } = await speak(workspace, WITH_FALLBACK);
    expect(usage).toMatchObject({ credits: HELLO_CREDITS, requests: 1 });
    expect(outcomes(usage!.attempts)).toBe('elevenlabs SERVED');
    expect(speech.providerId).toBe('elevenlabs');
  });

  it('has no voice name of the route before it', async () => {
    server.stub.fault(failingAt('elevenlabs', REFUSED));
    await speak(workspace, WITH_FALLBACK);
    const { usageEvents: events } = await workspace.data<{
      usageEvents: { edges: { node: { voiceId: string; voiceName: string; model: string; providerId: string } }[] };
    }>('{ usageEvents(first: 1) { edges { node { voiceId voiceName model providerId } } } }');
    expect(events.edges[0]!.node).toEqual({
      providerId: 'kokoro',
      model: 'kokoro/kokoro',
      voiceId: 'kokoro/af_heart',
      voiceName: expect.not.stringContaining('Rachel'),
    });
  });

  it('that fails too leaves an error with every attempt, and nothing is charged', async () => {
    server.stub.fault(() => REFUSED);
    const before = await standing(server, workspace);
    const error = await refusalOf(workspace, WITH_FALLBACK);
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_REJECTED', provider: 'kokoro' });
    expect(outcomes(error.extensions.attempts as never)).toBe('elevenlabs REJECTED, kokoro REJECTED');
    expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({ status: 'FAILED', credits: '0' });
  });

  it('speaks the whole text anew: parts of one text never come from two providers', async () => {
    const text = 'This is one sentence of a long text. '.repeat(90).trim();
    let parts = 0;
    server.stub.fault((request) => {
      if (request.provider !== 'elevenlabs') return undefined;
      parts += 1;
      return parts > 1 ? REFUSED : undefined;
    });
    const before = speechRequests().length;
    const input = { ...WITH_FALLBACK, model: 'eleven_v3', text };
    const { usage, speech } = await speak(server.client, input);
    expect(outcomes(usage!.attempts)).toMatch(/^elevenlabs SERVED, elevenlabs REJECTED(, kokoro SERVED)+$/);
    expect(usage!.credits).toBe(String((text.length * 4) / 1_000));
    const spoken = speechRequests()
      .slice(before)
      .filter(({ provider }) => provider === 'kokoro')
      .map(({ json }) => (json as { input: string }).input.trim());
    expect(spoken.join(' ')).toBe(text);
    const sent = speech.audio!;
    expect(sniffFormat(await (await listen(sent.url)).all())).toBe('MP3');
  });

  it('is not needed where an answer that is cut comes whole when it is asked for again', async () => {
    const faults = [{ kind: 'cut-mid-body' } as const];
    server.stub.fault((request) => (request.operation === 'speech' ? faults.shift() : undefined));
    const { speech, usage } = await speak(workspace, WITH_FALLBACK);
    expect(outcomes(usage!.attempts)).toBe('elevenlabs UNAVAILABLE, elevenlabs SERVED');
    expect(usage).toMatchObject({ credits: HELLO_CREDITS, requests: 2 });
    server.stub.fault(null);
    const { speech: other } = await speak(workspace, HELLO);
    const [recovered, plain] = await Promise.all(
      [speech, other].map(async ({ audio }) => (await listen(audio!.url)).all()),
    );
    expect(recovered).toEqual(plain);
  });

  it('is tried after the first has had its share of timeoutMs', async () => {
    server.stub.fault(failingAt('elevenlabs', { kind: 'stall-before-headers' }));
    const routing = { fallbacks: [KOKORO], timeoutMs: 1_000 };
    const { usage } = await speak(workspace, { ...HELLO, routing });
    expect(outcomes(usage!.attempts)).toBe('elevenlabs TIMED_OUT, kokoro SERVED');
  });

  it('gets an own key of its own provider alone, and the platform’s key never stands in', async () => {
    const before = server.stub.requests.length;
    server.stub.fault(({ headers }) =>
      headers['xi-api-key'] === 'own-key' ? { kind: 'answer', status: 401 } : undefined,
    );
    const headers = { 'X-Provider-Key-ElevenLabs': 'own-key' };
    const { usage } = await speak(workspace, WITH_FALLBACK, headers);
    expect(usage!.attempts).toMatchObject([
      { provider: 'elevenlabs', credential: 'REQUEST_KEY', outcome: 'UNAUTHORIZED' },
      { provider: 'kokoro', credential: 'NONE', outcome: 'SERVED' },
    ]);
    expect(usage).toMatchObject({ byok: false, credential: 'NONE', credits: KOKORO_CREDITS });
    const requests = server.stub.requests.slice(before);
    expect(requests.some(({ headers: sent }) => sent['xi-api-key'] === 'stub-key')).toBe(false);
    const toKokoro = requests.filter(({ provider }) => provider === 'kokoro');
    expect(toKokoro.length).toBeGreaterThan(0);
    expect(JSON.stringify(toKokoro.map(({ headers: sent, path, json }) => [sent, path, json]))).not.toContain(
      'own-key',
    );
  });
});

describe('a stream', () => {
  it('falls back before its first byte, under the same content type', async () => {
    server.stub.fault(failingAt('elevenlabs', { kind: 'hang-up' }));
    const { speech } = await speak(workspace, { ...WITH_FALLBACK, delivery: 'STREAM' });
    // Whose rate it will be is not known yet.
    expect(speech.audio).toMatchObject({ contentType: 'audio/mpeg', format: 'MP3', sampleRate: null });
    const player = await listen(speech.audio!.url);
    expect(player.headers.get('content-type')).toBe('audio/mpeg');
    expect(sniffFormat(await player.all())).toBe('MP3');
    expect(await settledSpeech(server, workspace, speech.id)).toMatchObject({
      status: 'COMPLETED',
      providerId: 'kokoro',
      audio: { sampleRate: 24_000 },
      usage: { credits: KOKORO_CREDITS, heldCredits: HELLO_CREDITS },
    });
  });

  it('is not switched once a byte is there: it ends with an error, and nothing is charged', async () => {
    const gate = new Gate();
    server.stub.fault(failingAt('elevenlabs', { kind: 'gated', gate }));
    const text = 'She sells sea shells by the sea shore. '.repeat(10);
    const { speech } = await speak(workspace, { ...WITH_FALLBACK, text, delivery: 'STREAM' });
    const player = await listen(speech.audio!.url);
    gate.release(2);
    await player.hear(4_000);
    server.stub.dropConnections();
    await expect(player.all()).rejects.toThrow();
    const settled = await settledSpeech(server, workspace, speech.id);
    expect(settled).toMatchObject({ status: 'FAILED', providerId: 'elevenlabs', usage: { credits: '0' } });
    expect(outcomes(settled.usage!.attempts)).toBe('elevenlabs UNAVAILABLE');
    gate.open();
  });

  it('is refused where a fallback cannot make what is announced; delivered whole, it comes as the fallback makes it', async () => {
    const routing = { fallbacks: [{ provider: 'elevenlabs', voice: '21m00Tcm4TlvDq8ikWAM' }] };
    const input = { ...HELLO, provider: LOSSLESS, routing };
    const error = await refusalOf(workspace, { ...input, delivery: 'STREAM' });
    expect(error.extensions).toMatchObject({ code: 'UNSUPPORTED', field: 'routing.fallbacks.0.provider' });
    expect(error.message).toContain('FLAC');
    server.stub.fault(failingAt('kokoro', REFUSED));
    const { speech } = await speak(workspace, input);
    expect(speech).toMatchObject({ providerId: 'elevenlabs', audio: { format: 'MP3', contentType: 'audio/mpeg' } });
  });

  it('of samples without a header has one rate', async () => {
    const input = { ...WITH_FALLBACK, format: 'PCM', delivery: 'STREAM' };
    const error = onlyError(await synthesize(workspace, { ...input, sampleRate: 16_000 }));
    expect(error.extensions).toMatchObject({ code: 'UNSUPPORTED', supported: [24_000] });
    server.stub.fault(failingAt('elevenlabs', REFUSED));
    const { speech } = await speak(workspace, { ...input, sampleRate: 24_000 });
    expect(speech.audio).toMatchObject({ contentType: 'audio/pcm', sampleRate: 24_000 });
    expect(await settledSpeech(server, workspace, speech.id)).toMatchObject({
      status: 'COMPLETED',
      providerId: 'kokoro',
    });
  });
});

describe('speechStream', () => {
  const stream = async (fault: Parameters<TestServer['stub']['fault']>[0], text: string) => {
    server.stub.fault(fault);
    const socket = await workspace.socket();
    return listenTo(socket, { ...WITH_FALLBACK, text, idempotencyKey: newKey() }).rest();
  };

  it('falls back before its first byte, and tells no rate that it does not know yet', async () => {
    const { results } = await stream(failingAt('elevenlabs', { kind: 'hang-up' }), HELLO.text);
    const events = results.map(eventOf);
    expect(events[0]).toMatchObject({ __typename: 'SpeechStarted', contentType: 'audio/mpeg', sampleRate: null });
    expect(events.at(-1)).toMatchObject({
      __typename: 'SpeechCompleted',
      usage: { status: 'SUCCEEDED', credits: KOKORO_CREDITS },
    });
    const chunks = events.flatMap(({ audioBase64 }) => (audioBase64 ? [Buffer.from(audioBase64, 'base64')] : []));
    expect(sniffFormat(Buffer.concat(chunks))).toBe('MP3');
  });

  it('is not switched once it has delivered', async () => {
    const cut = failingAt('elevenlabs', { kind: 'cut-mid-body' });
    const { results } = await stream(cut, 'She sells sea shells by the sea shore. '.repeat(10));
    expect(results.at(-1)!.errors).toMatchObject([
      { extensions: { code: 'PROVIDER_UNAVAILABLE', provider: 'elevenlabs', attempts: [{ outcome: 'UNAVAILABLE' }] } },
    ]);
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({ status: 'FAILED', credits: '0' });
  });
});

describe('the strategy', () => {
  it.each([
    ['PRIORITY', 'elevenlabs'],
    ['CHEAPEST', 'kokoro'],
  ])('%s asks %s first', async (strategy, provider) => {
    const { speech, usage } = await speak(workspace, { ...HELLO, routing: { strategy, fallbacks: [KOKORO] } });
    expect(speech.providerId).toBe(provider);
    expect(usage!.attempts).toHaveLength(1);
    expect(usage!.heldCredits).toBe(HELLO_CREDITS);
  });

  it('an own key is the cheapest there is', async () => {
    const routing = { strategy: 'CHEAPEST', fallbacks: [{ provider: 'elevenlabs', voice: '21m00Tcm4TlvDq8ikWAM' }] };
    const headers = { 'X-Provider-Key-ElevenLabs': 'own-key-that-works' };
    const { usage } = await speak(workspace, { ...HELLO, ...KOKORO, routing }, headers);
    expect(usage).toMatchObject({ byok: true, credits: '0', heldCredits: KOKORO_CREDITS });
  });

  it('FASTEST asks first whoever has been measured to be', async () => {
    const gates: Gate[] = [];
    server.stub.fault((request) => {
      if (request.operation !== 'speech' || request.provider !== 'elevenlabs') return undefined;
      const gate = new Gate();
      gates.push(gate);
      return { kind: 'gated', gate };
    });
    // The clock stands still but for what the test gives to ElevenLabs.
    for (let count = 0; count < 6; count++) {
      const { calls } = server.stub;
      const slow = speak(server.client, HELLO);
      await server.stub.when((stub) => stub.calls > calls);
      clock.advance(1_000);
      gates[count]!.open();
      await slow;
      await speak(server.client, { ...HELLO, ...KOKORO });
    }
    server.stub.fault(null);
    const { speech } = await speak(workspace, { ...HELLO, routing: { strategy: 'FASTEST', fallbacks: [KOKORO] } });
    expect(speech.providerId).toBe('kokoro');
  });
});
