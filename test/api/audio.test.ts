import { sniffFormat } from '../../providers/audio';
import type { AudioFormat } from '../../providers/contract/audio';
import { expectSpeech, linearSamples } from '../providers/local/support/speech';
import { assembledAudio } from '../support/assembled-audio';
import { speechMilliseconds } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { type AudioFields, findSpeech, speak } from './support/speech-api';

const clock = new TestClock();
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true, clock, env: { AUDIO_RETENTION_DAYS: '3' } });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '10000');
});
afterAll(() => server?.close());

const TEXT = 'The quick brown fox jumps over the lazy dog.';
const WITH_BASE64 = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) {
    speech { id audio { url expiresAt contentType format sampleRate channels sizeBytes durationSeconds base64 } }
    usage { audioMilliseconds }
  }
}`;

async function speakWithBase64(input: Record<string, unknown>) {
  const { synthesizeSpeech } = await workspace.data<{
    synthesizeSpeech: { speech: { id: string; audio: AudioFields }; usage: { audioMilliseconds: number } };
  }>(WITH_BASE64, { input });
  return synthesizeSpeech;
}

const fetchAudio = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  server.anonymous.send(url, { method, headers });

describe('every format of every provider is what it says it is', () => {
  it.each<[string, AudioFormat, number, string]>([
    ['elevenlabs', 'MP3', 44_100, 'audio/mpeg'],
    ['elevenlabs', 'MP3', 22_050, 'audio/mpeg'],
    ['elevenlabs', 'WAV', 24_000, 'audio/wav'],
    ['elevenlabs', 'OGG_OPUS', 48_000, 'audio/ogg'],
    ['elevenlabs', 'PCM', 24_000, 'audio/pcm'],
    ['elevenlabs', 'PCM', 8_000, 'audio/pcm'],
    ['elevenlabs', 'MULAW', 8_000, 'audio/basic'],
    ['kokoro', 'MP3', 24_000, 'audio/mpeg'],
    ['kokoro', 'WAV', 24_000, 'audio/wav'],
    ['kokoro', 'OGG_OPUS', 48_000, 'audio/ogg'],
    ['kokoro', 'FLAC', 24_000, 'audio/flac'],
    ['kokoro', 'PCM', 24_000, 'audio/pcm'],
    ['local', 'WAV', 16_000, 'audio/wav'],
    ['local', 'WAV', 44_100, 'audio/wav'],
    ['local', 'PCM', 16_000, 'audio/pcm'],
    ['local', 'MULAW', 8_000, 'audio/basic'],
  ])('%s makes %s at %i Hz', async (provider, format, sampleRate, contentType) => {
    const { speech, usage } = await speakWithBase64({ provider, text: TEXT, format, sampleRate });
    const { audio } = speech;
    expect(audio).toMatchObject({ format, contentType, sampleRate, channels: 1 });

    const { status, headers, body } = await fetchAudio(audio.url);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe(contentType);
    expect(body.length).toBe(audio.sizeBytes);
    expect(body.equals(Buffer.from(audio.base64!, 'base64'))).toBe(true);

    const headerless = format === 'PCM' || format === 'MULAW';
    expect(sniffFormat(body)).toBe(headerless ? 'UNKNOWN' : format);
    const read = assembledAudio(body, { format, sampleRate });
    expect(read).toMatchObject({ sampleRate, channels: 1, sizeBytes: audio.sizeBytes });
    expect(audio.durationSeconds).toBe(read.durationMs / 1000);
    expect(usage.audioMilliseconds).toBe(read.durationMs);
    // A frame is the least that a coded format can say; the built-in engine makes what it makes.
    if (provider === 'local') expect(read.durationMs).toBeGreaterThan(1_500);
    else expect(Math.abs(read.durationMs - speechMilliseconds(TEXT.length, 1))).toBeLessThanOrEqual(60);
  });

  it('the format is the default of the provider when none is asked for', async () => {
    const formats = await Promise.all(
      ['elevenlabs', 'kokoro', 'local'].map(
        async (provider) => (await speak(workspace, { provider, text: TEXT })).speech.audio!.format,
      ),
    );
    expect(formats).toEqual(['MP3', 'MP3', 'WAV']);
  });

  it('the WAV of the built-in engine is speech: loud, not clipped, with syllables', async () => {
    const { speech } = await speak(workspace, { provider: 'local', text: TEXT });
    const { body } = await fetchAudio(speech.audio!.url);
    expectSpeech(linearSamples(body.subarray(44)), 16_000);
  });
});

describe('base64', () => {
  it('is there up to 1 MB and null above, where the address has it all', async () => {
    // 48 bytes a millisecond after a header of 44 bytes; 60 ms a character.
    const most = await speakWithBase64({ provider: 'kokoro', text: 'a'.repeat(364), format: 'WAV' });
    const more = await speakWithBase64({ provider: 'kokoro', text: 'a'.repeat(365), format: 'WAV' });
    expect(most.speech.audio.sizeBytes).toBeLessThanOrEqual(1_048_576);
    expect(Buffer.from(most.speech.audio.base64!, 'base64').length).toBe(most.speech.audio.sizeBytes);
    expect(more.speech.audio.sizeBytes).toBeGreaterThan(1_048_576);
    expect(more.speech.audio.base64).toBeNull();
    expect((await fetchAudio(more.speech.audio.url)).body.length).toBe(more.speech.audio.sizeBytes);
  });

  it('is there when a finished speech is asked for again', async () => {
    const { speech } = await speak(workspace, { provider: 'local', text: 'Again.' });
    const { body } = await fetchAudio(speech.audio!.url);
    const again = await workspace.data<{ speech: { audio: { base64: string } } }>(
      'query ($id: ID!) { speech(id: $id) { audio { base64 } } }',
      { id: speech.id },
    );
    expect(Buffer.from(again.speech.audio.base64, 'base64').equals(body)).toBe(true);
  });
});

describe('the address of finished audio', () => {
  let audio: AudioFields;
  let bytes: Buffer;
  beforeAll(async () => {
    audio = (await speak(workspace, { provider: 'elevenlabs', text: TEXT })).speech.audio!;
    bytes = (await fetchAudio(audio.url)).body;
  });

  it.each(['GET', 'HEAD'] as const)('needs no key and may not be kept by anybody (%s)', async (method) => {
    const { status, headers, body } = await fetchAudio(audio.url, {}, method);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'audio/mpeg',
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(body.length).toBe(method === 'GET' ? bytes.length : 0);
  });

  it.each<[string, (size: number) => [from: number, to: number]]>([
    ['bytes=0-0', () => [0, 0]],
    ['bytes=0-99', () => [0, 99]],
    ['bytes=100-', (size) => [100, size - 1]],
    ['bytes=-100', (size) => [size - 100, size - 1]],
    ['bytes=-99999999', (size) => [0, size - 1]],
    ['bytes=10-99999999', (size) => [10, size - 1]],
  ])('answers %s with that part', async (range, expected) => {
    const [from, to] = expected(bytes.length);
    const part = await fetchAudio(audio.url, { range });
    expect(part.status).toBe(206);
    expect(part.headers).toMatchObject({
      'content-range': `bytes ${from}-${to}/${bytes.length}`,
      'content-length': String(to - from + 1),
      'cache-control': 'private, no-store',
    });
    expect(part.body.equals(bytes.subarray(from, to + 1))).toBe(true);
    const head = await fetchAudio(audio.url, { range }, 'HEAD');
    expect([head.status, head.headers['content-range'], head.body.length]).toEqual([
      206,
      part.headers['content-range'],
      0,
    ]);
  });

  it.each(['bytes=9-3', 'bytes=a-b', 'bytes=-', 'seconds=0-1', 'bytes=0-1,3-4', '0-1'])(
    'answers %s, which it does not understand, with the whole',
    async (range) => {
      const { status, body } = await fetchAudio(audio.url, { range });
      expect([status, body.length]).toEqual([200, bytes.length]);
    },
  );

  it('answers a part that lies behind the end with 416 and the size', async () => {
    for (const range of [`bytes=${bytes.length}-`, 'bytes=99999999-', 'bytes=-0']) {
      const { status, headers, body } = await fetchAudio(audio.url, { range });
      expect([status, headers['content-range'], body.length]).toEqual([416, `bytes */${bytes.length}`, 0]);
    }
  });

  it('opens with its own signature alone', async () => {
    const other = (await speak(workspace, { provider: 'elevenlabs', text: TEXT })).speech.audio!;
    const [own, foreign] = [new URL(audio.url), new URL(other.url)];
    const change = (name: string, value: string | null) => {
      const url = new URL(own);
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
      return url.href;
    };
    const signature = own.searchParams.get('signature')!;
    const wrong = [
      change(
        'signature',
        signature.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A')),
      ),
      change('signature', signature.slice(0, -1)),
      change('signature', `${signature}A`),
      change('signature', foreign.searchParams.get('signature')!),
      change('signature', ''),
      change('signature', null),
      change('expires', String(Number(own.searchParams.get('expires')) + 1)),
      change('expires', '9'.repeat(12)),
      change('expires', null),
      own.href.replace(own.pathname, foreign.pathname),
      own.href.replace(own.pathname, own.pathname.toUpperCase().replace('/AUDIO', '/audio')),
      own.href.replace(own.pathname, `${own.pathname}.chunks`),
    ];
    for (const url of wrong) {
      const { status, headers, body } = await fetchAudio(url);
      expect({ url, status }).toEqual({ url, status: 404 });
      expect(headers['cache-control']).toBe('private, no-store');
      expect(JSON.parse(body.toString())).toEqual({ error: expect.stringContaining('speech(id)') });
    }
    expect((await fetchAudio(audio.url)).status).toBe(200);
  });

  it('stops working at expiresAt, and the speech then gives a fresh one', async () => {
    const { speech } = await speak(workspace, { provider: 'elevenlabs', text: TEXT });
    const { url, expiresAt } = speech.audio!;
    const left = Date.parse(expiresAt) - clock.now();
    expect(left).toBeGreaterThan(3_598_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    clock.advance(left - 1);
    expect((await fetchAudio(url)).status).toBe(200);
    clock.advance(1);
    expect((await fetchAudio(url)).status).toBe(404);
    const fresh = (await findSpeech(workspace, speech.id)).audio!;
    expect(Date.parse(fresh.expiresAt)).toBeGreaterThan(Date.parse(expiresAt));
    expect((await fetchAudio(fresh.url)).body.equals(bytes)).toBe(true);
  });

  it('is gone with the retention, while the speech and what it cost stay', async () => {
    const { speech } = await speak(workspace, { provider: 'elevenlabs', text: TEXT });
    const days = 3 * 86_400_000;
    clock.advance(days + 1_000);
    const later = await findSpeech(workspace, speech.id);
    expect(later).toMatchObject({ status: 'COMPLETED', audio: null, usage: { credits: speech.usage!.credits } });
    expect((await fetchAudio(speech.audio!.url)).status).toBe(404);
  });
});
