import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { RecordingSourceError } from '../../../providers/contract/errors';
import type { BytesSource } from '../../../providers/contract/provider';
import type { TranscriptionCall, TranscriptionProvider } from '../../../providers/contract/stt';
import { deepgramTranscription } from '../../../providers/deepgram/stt';
import { httpTranscriptionProvider } from '../../../providers/http/transcription-provider';
import { openAiTranscription } from '../../../providers/openai/stt';
import { readForm } from '../../support/provider-stub/form';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';
import { audioOf, transcriptionCall } from '../../support/transcription-call';

const MEBIBYTE = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 7);

let server: Server;
let provider: TranscriptionProvider;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
/** A request whose body is not read: the server learns that it has ended only once it reads on. */
let held: IncomingMessage;
/** Connections that ended before their answer was complete. */
let broken: Promise<void>;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  broken = new Promise((resolve) => {
    server.on('request', (_request, response) => response.once('close', () => response.writableFinished || resolve()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider = httpTranscriptionProvider(openAiTranscription, { baseUrl: urlOf(server), apiKey: PLATFORM_KEY.secret! });
});

afterEach(async () => {
  await provider.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const urlOf = (listening: TcpServer): string => `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
const options = (changes: Parameters<typeof speakOptions>[0] = {}) =>
  speakOptions({ credential: PLATFORM_KEY, ...changes });
const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** A recording of any size that is made while it is read, and tells how far it was read and whether it was let go. */
class Source implements BytesSource {
  readonly contentType = 'audio/wav';
  readBytes = 0;
  released = 0;
  constructor(
    readonly sizeBytes: number,
    private readonly before: (readBytes: number) => Promise<void> | void = () => undefined,
  ) {}

  async *open(): AsyncGenerator<Uint8Array> {
    try {
      for (let bytes = 0; bytes < this.sizeBytes; ) {
        await this.before(bytes);
        const piece = PIECE.subarray(0, Math.min(PIECE.length, this.sizeBytes - bytes));
        bytes += piece.length;
        this.readBytes += piece.length;
        yield piece;
      }
    } finally {
      this.released++;
    }
  }
}

function callWith(source: BytesSource, changes: Partial<TranscriptionCall> = {}): TranscriptionCall {
  const audio = { contentType: source.contentType, sizeBytes: source.sizeBytes, open: () => source.open() };
  return {
    ...transcriptionCall(openAiTranscription),
    ...changes,
    audio: { ...audio, fileName: 'a.wav', format: 'WAV' },
  };
}

describe('the upload', () => {
  it.each([
    ['a form', openAiTranscription],
    ['plain bytes', deepgramTranscription],
  ])('of %s has a length that is known and true, and arrives whole', async (_name, adapter) => {
    const uploads = httpTranscriptionProvider(adapter, { baseUrl: urlOf(server), apiKey: 'key' });
    let headers: IncomingMessage['headers'] = {};
    let received: Buffer = Buffer.alloc(0);
    answer = async (request, response) => {
      headers = request.headers;
      received = await bodyOf(request);
      json(response, 200, {
        text: 'x',
        metadata: {},
        results: { channels: [{ alternatives: [{ transcript: 'x' }] }] },
      });
    };
    const source = new Source(5 * MEBIBYTE + 1);
    await uploads.transcribe({ ...callWith(source), model: adapter.models[0]! } as TranscriptionCall, options());
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(Number(headers['content-length'])).toBe(received.length);
    const form = adapter === openAiTranscription ? readForm(headers['content-type'], received) : null;
    const file = form?.find(({ name }) => name === 'file')?.bytes ?? received;
    expect(file.length).toBe(source.sizeBytes);
    expect(file.every((byte) => byte === 7)).toBe(true);
    if (form === null) expect(headers['content-type']).toBe('audio/wav');
    await uploads.close();
  });

  it('fifty at once keep their bytes apart', async () => {
    answer = async (request, response) => {
      const form = readForm(request.headers['content-type'], await bodyOf(request))!;
      const { bytes } = form.find(({ name }) => name === 'file')!;
      json(response, 200, { text: `${bytes.length} of ${[...new Set(bytes)].join()}` });
    };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        provider.transcribe(
          transcriptionCall(openAiTranscription, { audio: audioOf(Buffer.alloc(70_000 + index, index)) }),
          options(),
        ),
      ),
    );
    expect(answers.map(({ text }) => text)).toEqual(answers.map((_, index) => `${70_000 + index} of ${index}`));
  });

  it('is read no faster than it is taken, and a provider that stops taking it is TIMEOUT', async () => {
    answer = (request) => {
      held = request;
    };
    const source = new Source(1024 * MEBIBYTE);
    const failure = await failureOf(provider.transcribe(callWith(source), options({ idleTimeoutMs: 300 })));
    expect(failure).toMatchObject({
      kind: 'TIMEOUT',
      retryable: true,
      message: expect.stringContaining('took nothing'),
    });
    expect(source.readBytes).toBeLessThan(64 * MEBIBYTE);
    expect(source.released).toBe(1);
    held.resume();
    await broken;
  });

  it('may take longer than the answer may: the wait for the first byte begins with the last that was sent', async () => {
    answer = async (request, response) => {
      await bodyOf(request);
      json(response, 200, { text: 'heard' });
    };
    const firstByteTimeoutMs = 1_500;
    const source = new Source(2 * PIECE.length, async (bytes) => {
      if (bytes > 0) await new Promise((resolve) => setTimeout(resolve, firstByteTimeoutMs + 100));
    });
    expect(await provider.transcribe(callWith(source), options({ firstByteTimeoutMs }))).toMatchObject({
      text: 'heard',
    });
  });

  it('a provider that has all of it and says nothing is TIMEOUT', async () => {
    answer = (request) => void request.resume();
    const failure = await failureOf(
      provider.transcribe(callWith(new Source(MEBIBYTE)), options({ firstByteTimeoutMs: 200 })),
    );
    expect(failure).toMatchObject({
      kind: 'TIMEOUT',
      retryable: true,
      message: expect.stringContaining('sent nothing'),
    });
  });

  it('a connection that is cut in the middle of it is UNAVAILABLE, and another attempt begins anew', async () => {
    let attempts = 0;
    answer = async (request, response) => {
      attempts++;
      if (attempts === 1) {
        request.once('data', () => request.socket.destroy());
        return;
      }
      const form = readForm(request.headers['content-type'], await bodyOf(request));
      json(response, 200, { text: String(form!.at(-1)!.bytes.length) });
    };
    const call = callWith(new Source(20 * MEBIBYTE));
    expect(await failureOf(provider.transcribe(call, options()))).toMatchObject({
      kind: 'UNAVAILABLE',
      retryable: true,
    });
    expect((await provider.transcribe(call, options())).text).toBe(String(20 * MEBIBYTE));
  });
});

describe('a recording that cannot be read', () => {
  const stopsAt = (bytes: number, stop: () => Promise<void>) => (read: number) => (read >= bytes ? stop() : undefined);
  const failing = () => Promise.reject(new Error('the disk is gone'));

  it('ends the request in the middle, and is nobody else’s fault', async () => {
    answer = (request) => void request.resume();
    const source = new Source(10 * MEBIBYTE, stopsAt(MEBIBYTE, failing));
    const failure = await provider.transcribe(callWith(source), options()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RecordingSourceError);
    expect((failure as Error).cause).toMatchObject({ message: 'the disk is gone' });
    await broken;
  });

  it('cannot even be opened', async () => {
    answer = (_request, response) => json(response, 200, { text: 'never' });
    const deepgram = httpTranscriptionProvider(deepgramTranscription, { baseUrl: urlOf(server), apiKey: 'key' });
    const audio = {
      ...audioOf(),
      open() {
        throw new Error('no such file');
      },
    };
    await expect(deepgram.transcribe(transcriptionCall(deepgramTranscription, { audio }), options())).rejects.toThrow(
      RecordingSourceError,
    );
    await deepgram.close();
  });

  it.each([
    ['shorter', -1],
    ['longer', 1],
  ])('is %s than it was said to be', async (_name, difference) => {
    answer = (request) => void request.resume();
    const source = new Source(3 * MEBIBYTE);
    const told = { contentType: 'audio/wav', sizeBytes: source.sizeBytes - difference, open: () => source.open() };
    await expect(provider.transcribe(callWith(told), options())).rejects.toThrow(RecordingSourceError);
    await broken;
  });

  it('hangs: it is given up after the idle time, and let go', async () => {
    answer = (request) => void request.resume();
    let letGo: (() => void) | undefined;
    const source = new Source(
      3 * MEBIBYTE,
      stopsAt(MEBIBYTE, () => new Promise((resolve) => (letGo = resolve))),
    );
    await expect(provider.transcribe(callWith(source), options({ idleTimeoutMs: 200 }))).rejects.toThrow(
      RecordingSourceError,
    );
    await broken;
    letGo!();
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.released).toBe(1);
  });
});

describe('a refusal that comes before the upload has ended', () => {
  it.each([
    [401, 'UNAUTHORIZED', 'Incorrect API key'],
    [413, 'REJECTED', 'Maximum content size'],
    [429, 'UNAVAILABLE', 'Rate limit'],
  ])('with %i is read and mapped to %s', async (status, kind, message) => {
    answer = (_request, response) => json(response, status, { error: { message, type: 'x', param: null, code: null } });
    const source = new Source(256 * MEBIBYTE);
    const failure = await failureOf(provider.transcribe(callWith(source), options()));
    expect(failure).toMatchObject({ kind, status, message: expect.stringContaining(message) });
    expect(source.readBytes).toBeLessThan(source.sizeBytes);
    expect(source.released).toBe(1);
  });

  it('and is followed by the end of the connection', async () => {
    const body = JSON.stringify({ error: { message: 'Maximum content size', code: null } });
    const head = 'HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:';
    const closing = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.pause();
        socket.write(`${head} ${body.length}\r\n\r\n${body}`, () => socket.destroySoon());
      });
    });
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const hasty = httpTranscriptionProvider(openAiTranscription, { baseUrl: urlOf(closing), apiKey: 'key' });
    const failure = await failureOf(hasty.transcribe(callWith(new Source(256 * MEBIBYTE)), options()));
    expect(failure).toMatchObject({ kind: 'REJECTED', status: 413, message: expect.stringContaining('Maximum') });
    await hasty.close();
    await new Promise((resolve) => closing.close(resolve));
  });

  it('leaves the provider usable', async () => {
    let calls = 0;
    answer = async (request, response) => {
      if (++calls === 1) json(response, 413, { error: { message: 'big' } });
      else json(response, 200, { text: String((await bodyOf(request)).length > 1000) });
    };
    await failureOf(provider.transcribe(callWith(new Source(64 * MEBIBYTE)), options()));
    expect((await provider.transcribe(callWith(new Source(2000)), options())).text).toBe('true');
  });
});

describe('cancelling', () => {
  it('in the middle of the upload cuts the connection and lets the recording go', async () => {
    const caller = new AbortController();
    answer = (request) => {
      held = request;
      caller.abort();
    };
    const source = new Source(1024 * MEBIBYTE);
    const failure = await failureOf(provider.transcribe(callWith(source), options({ signal: caller.signal })));
    expect(failure).toMatchObject({ kind: 'CANCELLED', retryable: false });
    held.resume();
    await broken;
    expect(source.released).toBe(1);
  });

  it('while the provider listens', async () => {
    const caller = new AbortController();
    answer = async (request) => {
      await bodyOf(request);
      caller.abort();
    };
    expect(
      await failureOf(provider.transcribe(callWith(new Source(1000)), options({ signal: caller.signal }))),
    ).toMatchObject({
      kind: 'CANCELLED',
    });
    await broken;
  });

  it('before the call calls nobody and opens nothing', async () => {
    const source = new Source(1000);
    const signal = AbortSignal.abort();
    expect(await failureOf(provider.transcribe(callWith(source), options({ signal })))).toMatchObject({
      kind: 'CANCELLED',
    });
    expect(source.readBytes).toBe(0);
  });
});

describe('the answer', () => {
  const failureFor = async (reply: typeof answer, changes: Parameters<typeof options>[0] = {}) => {
    answer = (request, response) => {
      request.resume();
      request.once('end', () => reply(request, response));
    };
    return await failureOf(provider.transcribe(transcriptionCall(openAiTranscription), options(changes)));
  };
  const SPOKEN = 'my-mothers-maiden-name';

  it.each<[string, (response: ServerResponse) => void, object]>([
    ['is empty', (response) => response.writeHead(200).end(), { kind: 'UNAVAILABLE', retryable: true }],
    ['is a page', (response) => response.writeHead(200).end('<html>'), { kind: 'REJECTED', retryable: false }],
    [
      'is cut JSON',
      (response) => response.writeHead(200).end(`{"text":"${SPOKEN}`),
      { kind: 'REJECTED', retryable: false },
    ],
    ['has no text', (response) => json(response, 200, { words: [SPOKEN] }), { kind: 'REJECTED' }],
    ['is a text alone', (response) => json(response, 200, SPOKEN), { kind: 'REJECTED' }],
    [
      'is compressed, which was not asked for',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      { kind: 'REJECTED' },
    ],
    [
      'breaks off',
      (response) => response.writeHead(200).write('{"text":"a', () => response.destroy()),
      { kind: 'UNAVAILABLE', retryable: true },
    ],
    [
      'names a length beyond 16 MiB',
      (response) => response.writeHead(200, { 'content-length': 16 * MEBIBYTE + 1 }).write('{'),
      { kind: 'REJECTED', message: expect.stringContaining('16777216') },
    ],
    [
      'is an error in the clothes of a success',
      (response) =>
        json(response, 200, { error: { message: 'The server had an error', type: 'server_error', code: null } }),
      { kind: 'UNAVAILABLE', retryable: true, message: expect.stringContaining('The server had an error') },
    ],
  ])('that %s is a failure, and what was said is not quoted', async (_name, reply, expected) => {
    const failure = await failureFor((_request, response) => reply(response));
    expect(failure).toMatchObject({ provider: 'openai', ...expected });
    expect(`${failure.message} ${failure.stack} ${String(failure.cause)}`).not.toContain(SPOKEN);
  });

  it('that never ends is refused at 16 MiB', async () => {
    const failure = await failureFor((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (response.write(PIECE));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(failure).toMatchObject({ kind: 'REJECTED', message: expect.stringContaining('16777216') });
    await broken;
  });

  it('that stops in the middle is TIMEOUT', async () => {
    const failure = await failureFor((_request, response) => void response.writeHead(200).write('{"text"'), {
      idleTimeoutMs: 200,
    });
    expect(failure).toMatchObject({ kind: 'TIMEOUT', message: expect.stringContaining('in the middle') });
  });

  it('has the id of the exchange from its body, else from its headers', async () => {
    answer = (request, response) => {
      request.resume();
      request.once('end', () => {
        response.setHeader('x-request-id', 'req_1');
        json(response, 200, { text: 'a' });
      });
    };
    const answered = await provider.transcribe(transcriptionCall(openAiTranscription), options());
    expect(answered.upstreamRequestId).toBe('req_1');
  });
});

it('neither the key nor the prompt comes back in an error that quotes them', async () => {
  const prompt = 'The patient is called Ada Lovelace';
  answer = (request, response) => {
    request.resume();
    request.once('end', () =>
      json(response, 400, { error: { message: `Bad: ${prompt} ${request.headers.authorization}`, code: 'bad' } }),
    );
  };
  const failure = await failureOf(provider.transcribe(transcriptionCall(openAiTranscription, { prompt }), options()));
  expect(failure.message).toContain('Bad:');
  expect(failure.message).not.toContain(prompt);
  expect(failure.message).not.toContain(PLATFORM_KEY.secret);
});

it('a key that cannot be a header is refused before anything is sent', async () => {
  answer = (_request, response) => json(response, 200, { text: 'never' });
  const source = new Source(1000);
  const credential = { source: 'REQUEST_KEY', secret: 'sk-1\r\nx: y' } as const;
  expect(await failureOf(provider.transcribe(callWith(source), options({ credential })))).toMatchObject({
    kind: 'UNAUTHORIZED',
  });
  expect(source.readBytes).toBe(0);
});
