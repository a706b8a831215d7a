import { readdirSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { ascii, noise } from '../providers/audio/support/assemble';
import { opusPacket } from '../providers/audio/support/opus';
import { buildWav } from '../providers/audio/support/wav';
import { buildMp4 } from '../recordings/support/mp4';
import { buildWebm } from '../recordings/support/webm';
import { audioFixture } from '../support/audio-fixtures';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { expectRefusalWithoutTrace } from './support/speech-api';
import { ask, base64Of, SAID, SECOND, startTranscriptionServer, transcribe, wavOf } from './support/transcription-api';

let server: TestServer;
let workspace: TestWorkspace;
let files: Server;
let answer: RequestListener = (_request, response) => response.end(wavOf(1_000));
let fetched = 0;
let port = 0;
/** What DNS says of `rebound.test`. */
let addresses: readonly string[] = ['127.0.0.1'];

beforeAll(async () => {
  files = createServer((request, response) => {
    fetched++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  port = (files.address() as AddressInfo).port;
  server = await startTranscriptionServer({
    env: { OUTBOUND_ALLOW: `audio.test:${port}` },
    replacements: { resolve: async () => addresses },
  });
  workspace = server.client;
});
beforeEach(() => {
  fetched = 0;
  addresses = ['127.0.0.1'];
  answer = (_request, response) => response.end(wavOf(1_000));
});
afterAll(async () => {
  await server?.close();
  files.closeAllConnections();
  await new Promise((resolve) => files.close(resolve));
});

const spooled = (): string[] => {
  try {
    return readdirSync(path.join(server.data.dataDirectory, 'recordings'));
  } catch {
    return [];
  }
};

it.each<[string, Uint8Array, string, number]>([
  ['WAV', wavOf(2_345), 'audio/wav', 2_345],
  ['MP3', audioFixture('MP3', 44_100, 3_000), 'audio/mpeg', 3_005],
  ['Ogg Opus', audioFixture('OGG_OPUS', 48_000, 1_500), 'audio/ogg', 1_500],
  ['FLAC', audioFixture('FLAC', 16_000, 1_250), 'audio/flac', 1_250],
  ['MP4', buildMp4({ sizes: new Array<number>(100).fill(80), sampleRate: 16_000 }), 'audio/mp4', 6_400],
  [
    'WebM',
    buildWebm({ live: true, blocks: Array.from({ length: 75 }, (_, at) => [opusPacket(60, at)]) }),
    'audio/webm',
    1_500,
  ],
])('%s is sent as what it is, and charged by its own length', async (_name, bytes, type, durationMs) => {
  const { usage, transcription } = await transcribe(workspace, { provider: 'openai', audio: base64Of(bytes) });
  expect(usage.audioMilliseconds).toBe(durationMs);
  expect(transcription.text).toBe(SAID);
  const { body } = server.stub.requests.at(-1)!;
  expect(body.includes(Buffer.from(bytes))).toBe(true);
  expect(body.toString('latin1')).toContain(`Content-Type: ${type}`);
  expect(spooled()).toEqual([]);
});

const wav = (more: object) => buildWav(noise(3_200, 1), { sampleRate: 16_000, ...more });

it.each<[string, Uint8Array, string]>([
  ['empty', new Uint8Array(0), 'BAD_USER_INPUT'],
  ['text', ascii('not audio at all, only a few words'), 'BAD_USER_INPUT'],
  ['HTML', ascii('<html><body>hello</body></html>'), 'BAD_USER_INPUT'],
  ['noise', noise(4_000, 2).map((byte) => byte & 0x7f), 'BAD_USER_INPUT'],
  ['cut', wavOf(1_000).subarray(0, 20_000), 'BAD_USER_INPUT'],
  ['a header alone', wavOf(1_000).subarray(0, 44), 'BAD_USER_INPUT'],
  ['no sound', buildWav(new Uint8Array(0)), 'BAD_USER_INPUT'],
  ['hours that are not there', wav({ dataLength: 4 * 3_600 * 32_000 }), 'BAD_USER_INPUT'],
  ['an index of hours', buildMp4({ sizes: [90, 90], delta: 3_600 * 44_100 }), 'BAD_USER_INPUT'],
  ['a codec that nobody takes', wav({ tag: 0x31, bits: 0 }), 'UNSUPPORTED'],
  ['five hours', buildWav(new Uint8Array(5 * 3_600 * 8), { sampleRate: 8, bits: 8 }), 'PAYLOAD_TOO_LARGE'],
])('audio that is %s is refused, free, and nobody is called', async (_name, bytes, code) => {
  const refused = await expectRefusalWithoutTrace(server, workspace, () =>
    ask(workspace, { provider: 'openai', audio: base64Of(bytes) }),
  );
  expect(refused.code).toBe(code);
  expect(refused.errors![0]!.extensions.field).toBe('audio');
  expect(spooled()).toEqual([]);
});

describe('base64', () => {
  it.each([
    ['an alphabet of its own', 'UklGR_-8='],
    ['a part of a character', 'UklGR'],
    ['padding in the middle', 'Ukl=Ukl='],
    ['a data URL', 'data:audio/wav;base64,UklGRg=='],
    ['white space', 'UklG Rg=='],
  ])('with %s is refused', async (_name, base64) => {
    const refused = await expectRefusalWithoutTrace(server, workspace, () => ask(workspace, { audio: { base64 } }));
    expect(refused.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'audio.base64' });
  });

  it('with the line breaks of a command line is taken', async () => {
    const base64 = wavOf(1_000).toString('base64').replace(/.{76}/g, '$&\n');
    expect((await transcribe(workspace, { provider: 'openai', audio: { base64 } })).usage.audioMilliseconds).toBe(
      1_000,
    );
  });

  it('of 6 MiB is taken, and more is told to be sent otherwise', async () => {
    const full = Buffer.concat([wavOf(1_000).subarray(0, 44), Buffer.alloc(6 * 1_048_576 - 44)]);
    full.writeUInt32LE(full.length - 44, 40);
    full.writeUInt32LE(full.length - 8, 4);
    const { usage } = await transcribe(workspace, { provider: 'openai', audio: base64Of(full) });
    expect(usage.audioMilliseconds).toBe(Math.ceil((full.length - 44) / 32));
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { provider: 'openai', audio: base64Of(Buffer.concat([full, Buffer.alloc(2)])) }),
    );
    expect(refused.errors![0]!.extensions).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', limit: 6 * 1_048_576 });
    expect(refused.errors![0]!.message).toContain('createUpload');
  });
});

describe('a URL', () => {
  const here = (name = 'audio.test'): { url: string } => ({
    url: `http://${name}:${port}/call.wav?token=secret-token`,
  });

  it('is fetched once, and the bytes are sent on', async () => {
    const { usage, transcription } = await transcribe(workspace, { ...SECOND, audio: here() });
    expect([usage.audioMilliseconds, transcription.text, fetched]).toEqual([1_000, SAID, 1]);
    expect(server.stub.requests.at(-1)!.body.includes(wavOf(1_000))).toBe(true);
    expect(spooled()).toEqual([]);
    expect(server.logged.join('\n')).not.toContain('secret-token');
  });

  it.each<[string, string, readonly string[]]>([
    ['loopback by number', 'http://127.0.0.1:9/a.wav', []],
    ['loopback by name', 'http://localhost:9/a.wav', ['127.0.0.1']],
    ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/', []],
    ['a name that leads inward', 'http://inner.test/a.wav', ['10.0.0.8']],
    ['a name that leads both ways', 'http://both.test/a.wav', ['93.184.215.14', '192.168.1.1']],
    ['IPv4 in IPv6', 'http://[::ffff:169.254.169.254]/a.wav', []],
    ['NAT64', 'http://[64:ff9b::a9fe:a9fe]/a.wav', []],
    ['unique-local', 'http://[fd00:ec2::254]/a.wav', []],
    ['a file', 'file:///etc/passwd', []],
    ['no URL', 'call.wav', []],
  ])('to %s is refused', async (_name, url, answers) => {
    addresses = answers;
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...SECOND, audio: { url } }),
    );
    expect(refused.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'audio.url' });
    expect(fetched).toBe(0);
  });

  it('that redirects inward is refused, and not followed', async () => {
    answer = (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...SECOND, audio: here() }),
    );
    expect(refused.errors![0]!.message).toContain('redirect');
  });

  it('that hangs is left when the caller has no more time', async () => {
    answer = () => {};
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...SECOND, audio: here(), routing: { timeoutMs: 1_000 } }),
    );
    expect(refused.errors![0]!.message).toContain('1 seconds');
  });

  it('that never ends is left at the limit', async () => {
    const piece = Buffer.concat([wavOf(1_000), Buffer.alloc(1_048_576)]);
    answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...SECOND, audio: here() }),
    );
    expect(refused.errors![0]!.extensions).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', limit: 104_857_600 });
    expect(spooled()).toEqual([]);
  });

  it('that answers with a page in place of audio is said to do so', async () => {
    answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'audio/wav' }).end('<!doctype html><p>Sign in');
    const refused = await expectRefusalWithoutTrace(server, workspace, () =>
      ask(workspace, { ...SECOND, audio: here() }),
    );
    expect(refused.errors![0]!.message).toContain('HTML');
  });

  it('is not fetched for a request that cannot be served', async () => {
    await ask(workspace, { ...SECOND, audio: here(), model: 'nothing' });
    await ask(workspace, { ...SECOND, audio: here(), diarize: true });
    expect(fetched).toBe(0);
  });
});
