import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { audioFixture } from '../test/support/audio-fixtures';
import { answerCommands } from './helper-process';

/**
 * Stands in for ElevenLabs with as little work as a server can do that is not to take nonsense for a request: it reads
 * the key, the voice and the text, refuses what lacks them, and has one answer. A one-shot speech is answered at once;
 * a stream holds its first chunk for a moment, so that the listener is there before it, notes on the machine's
 * monotonic clock when it sent that chunk, and sends the others after it one by one.
 */

/** 150 ms of MP3 at 44.1 kHz and 128 kbit/s: about 2 kB. */
const BODY = audioFixture('MP3', 44_100, 150);
const STREAM = audioFixture('MP3', 44_100, 500);
const CHUNK_BYTES = 2_048;

/** How streams are paced, in milliseconds: the first chunk is held, and a little longer for each than for the one before. */
export interface StreamPace {
  readonly holdMs: number;
  readonly stepMs: number;
  readonly gapMs: number;
}
let pace: StreamPace = { holdMs: 50, stepMs: 0, gapMs: 20 };
let streams = 0;

/** The key of the platform in a benchmark. */
const KEY = 'stub';

/** When the first chunk of a text's stream was sent, in nanoseconds of the monotonic clock. */
const firstChunkSentAt = new Map<string, bigint>();
let calls = 0;

function answerStream(response: ServerResponse, text: string): void {
  const sendFrom = (from: number): void => {
    if (from === 0) firstChunkSentAt.set(text, process.hrtime.bigint());
    const next = from + CHUNK_BYTES;
    if (next >= STREAM.length) {
      response.end(STREAM.subarray(from));
      return;
    }
    response.write(STREAM.subarray(from, next));
    setTimeout(sendFrom, pace.gapMs, next);
  };
  setTimeout(
    () => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      sendFrom(0);
    },
    pace.holdMs + pace.stepMs * streams,
  );
  streams += 1;
}

/** The list of voices, which a server asks for now and then: the default voice. */
const VOICES = JSON.stringify({
  voices: [{ voice_id: '21m00Tcm4TlvDq8ikWAM', name: 'Rachel', labels: {}, verified_languages: [] }],
  has_more: false,
});

const HEADERS = { 'content-type': 'audio/mpeg', 'content-length': String(BODY.length) };
const SPEECH_PATH = /^\/v1\/text-to-speech\/[A-Za-z0-9]+(\/stream)?\?output_format=[a-z0-9_]+$/;

type Fault = readonly [status: number, code: string];

/** The text of a request for speech, or what is wrong with it. */
function textOf({ url = '', headers }: IncomingMessage, body: string): string | Fault {
  if (headers['xi-api-key'] !== KEY) return [401, 'invalid_api_key'];
  if (!SPEECH_PATH.test(url)) return [404, 'not_found'];
  try {
    const { text, model_id: model } = JSON.parse(body) as { text?: unknown; model_id?: unknown };
    return typeof text === 'string' && text !== '' && typeof model === 'string' ? text : [422, 'missing_field'];
  } catch {
    return [422, 'json_invalid'];
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(VOICES);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (piece: string) => {
    body += piece;
  });
  request.once('end', () => {
    const text = textOf(request, body);
    if (typeof text !== 'string') {
      const [status, code] = text;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ detail: { code } }));
      return;
    }
    calls += 1;
    if (request.url?.includes('/stream?')) answerStream(response, text);
    else response.writeHead(200, HEADERS).end(BODY);
  });
}

const server = createServer({ keepAliveTimeout: 600_000 }, answer);
server.on('connection', (socket) => socket.setNoDelay(true));

answerCommands({
  async start(): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  /** What was streamed since it was last asked: by text, when its first chunk was sent, as a string. */
  firstChunksSentAt() {
    const sent = Object.fromEntries([...firstChunkSentAt].map(([text, at]) => [text, at.toString()]));
    firstChunkSentAt.clear();
    return sent;
  },
  /** For the streams that begin from now on. */
  setPace(next: StreamPace) {
    pace = next;
    streams = 0;
  },
  /** What every stream holds, in base64. */
  stream: () => STREAM.toString('base64'),
  calls: () => calls,
});
