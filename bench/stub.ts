import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { audioFixture } from '../test/support/audio-fixtures';
import { answerCommands } from './helper-process';

/**
 * Stands in for ElevenLabs with as little work as a server can do that is not to take nonsense for a request: it reads
 * the key, the voice and the text, refuses what lacks them, and has one answer. A one-shot speech is answered at once;
 * a stream holds its first chunk for a moment, so that the listener is there before it, and notes on the machine's
 * monotonic clock when it sent that chunk.
 */

/** 150 ms of MP3 at 44.1 kHz and 128 kbit/s: about 2 kB. */
const BODY = audioFixture('MP3', 44_100, 150);
const STREAM = audioFixture('MP3', 44_100, 500);
const FIRST_CHUNK_BYTES = 2_048;
const HOLD_FIRST_CHUNK_MS = 50;
const HOLD_REST_MS = 20;

/** The key of the platform in a benchmark. */
const KEY = 'stub';

let firstChunkSentAt = 0n;
let calls = 0;

function answerStream(response: ServerResponse): void {
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'audio/mpeg' });
    firstChunkSentAt = process.hrtime.bigint();
    response.write(STREAM.subarray(0, FIRST_CHUNK_BYTES));
    setTimeout(() => response.end(STREAM.subarray(FIRST_CHUNK_BYTES)), HOLD_REST_MS);
  }, HOLD_FIRST_CHUNK_MS);
}

/** The list of voices, which a server asks for now and then: the default voice. */
const VOICES = JSON.stringify({
  voices: [{ voice_id: '21m00Tcm4TlvDq8ikWAM', name: 'Rachel', labels: {}, verified_languages: [] }],
  has_more: false,
});

const HEADERS = { 'content-type': 'audio/mpeg', 'content-length': String(BODY.length) };
const SPEECH_PATH = /^\/v1\/text-to-speech\/[A-Za-z0-9]+(\/stream)?\?output_format=[a-z0-9_]+$/;

/** What is wrong with a request for speech, as status and code; null when nothing is. */
function faultOf({ url = '', headers }: IncomingMessage, body: string): [status: number, code: string] | null {
  if (headers['xi-api-key'] !== KEY) return [401, 'invalid_api_key'];
  if (!SPEECH_PATH.test(url)) return [404, 'not_found'];
  try {
    const { text, model_id: model } = JSON.parse(body) as { text?: unknown; model_id?: unknown };
    return typeof text === 'string' && text !== '' && typeof model === 'string' ? null : [422, 'missing_field'];
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
    const fault = faultOf(request, body);
    if (fault) {
      const [status, code] = fault;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ detail: { code } }));
      return;
    }
    calls += 1;
    if (request.url?.includes('/stream?')) answerStream(response);
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
  /** Nanoseconds of the monotonic clock, as a string, at which the last stream's first chunk was sent. */
  firstChunkSentAt: () => firstChunkSentAt.toString(),
  calls: () => calls,
});
