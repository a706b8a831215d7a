import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { audioFixture } from '../test/support/audio-fixtures';
import { answerCommands } from './helper-process';

/**
 * Stands in for ElevenLabs with as little work as a server can do: it reads nothing of the request and has one answer.
 * A one-shot speech is answered at once; a stream holds its first chunk for a moment, so that the listener is there
 * before it, and notes on the machine's monotonic clock when it sent that chunk.
 */

/** 150 ms of MP3 at 44.1 kHz and 128 kbit/s: about 2 kB. */
const BODY = audioFixture('MP3', 44_100, 150);
const STREAM = audioFixture('MP3', 44_100, 500);
const FIRST_CHUNK_BYTES = 2_048;
const HOLD_FIRST_CHUNK_MS = 50;
const HOLD_REST_MS = 20;

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

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(VOICES);
    return;
  }
  calls += 1;
  request.resume();
  request.once('end', () => {
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
