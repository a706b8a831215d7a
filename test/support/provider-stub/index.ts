import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { answerAsAnthropicChat } from './anthropic-chat';
import { answerAsCartesia } from './cartesia';
import { answerAsChatterbox } from './chatterbox';
import { answerAsDeepgram } from './deepgram';
import { answerAsElevenLabs } from './elevenlabs';
import { type FaultFunction, misbehave } from './faults';
import { answerAsFishAudio } from './fish-audio';
import { answerAsGroqChat } from './groq-chat';
import { answerAsInworld } from './inworld';
import { answerAsKokoro } from './kokoro';
import { answerAsOpenAiChat } from './openai-chat';
import { answerAsPocketTts } from './pocket-tts';
import { answerAsQwenTts } from './qwen-tts';
import type { StubAnswer, StubOperation, StubRequest } from './requests';
import { answerAsResembleAi } from './resemble-ai';
import { answerAsTranscription, TRANSCRIPTION_ROUTES } from './transcriptions';
import { answerAsUsage, USAGE_ROUTES } from './usage';
import { StubUsage } from './usage-book';
import { answerAsXtts } from './xtts';

export { CHATTERBOX_LIBRARY, CHATTERBOX_VOICES } from './chatterbox';
export { ELEVENLABS_VOICES } from './elevenlabs';
export { type FaultFunction, Gate, randomFaults, type StubFault, seededRandom } from './faults';
export { KOKORO_VOICES } from './kokoro';
export { type StubRequest, speechMilliseconds } from './requests';
export { XTTS_SPEAKERS } from './xtts';

export interface ProviderStubOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Bytes of one piece of a streamed answer. */
  readonly pieceBytes?: number;
  /**
   * For benchmarks: every POST gets the same small MP3 at once, nothing is checked, parsed or recorded, and faults do not apply.
   */
  readonly lean?: boolean;
  /** Stands in for this provider alone: the paths of servers that people run themselves meet with those of others. */
  readonly only?: string;
}

const PIECE_BYTES = 4096;
const LEAN_MILLISECONDS = 500;

/**
 * Stands in for the providers on one real HTTP server: one address serves as the base URL of each of them, but for those
 * whose paths meet (Chatterbox, Pocket TTS, XTTS): these have a stub of their own, with `only`. Requests that the documents do not allow are refused with the documented errors; the others get real audio of
 * the format that was asked for, longer for longer texts.
 */
export class ProviderStub {
  /** Requests for speech, transcripts and chats that came, whatever became of them. */
  calls = 0;
  /** Requests that the client left before their answer was complete. */
  aborted = 0;
  /** Connections that clients have opened. */
  connections = 0;
  /** Every request, in order of arrival; not kept by a lean stub. */
  readonly requests: StubRequest[] = [];
  /** Keys that ElevenLabs answers with 401. */
  readonly refusedKeys = new Set<string>();
  /** What the providers' accounts say that they counted. */
  readonly usage = new StubUsage();

  private faultOf: FaultFunction = () => undefined;
  private readonly sockets = new Set<Socket>();
  private readonly watchers = new Set<() => void>();
  private readonly server: Server;
  private readonly pieceBytes: number;
  private readonly leanBody: Buffer;

  constructor(private readonly options: ProviderStubOptions = {}) {
    this.pieceBytes = options.pieceBytes ?? PIECE_BYTES;
    this.leanBody = audioFixture('MP3', 44_100, LEAN_MILLISECONDS);
    this.server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      if (options.lean === true && request.method === 'POST') this.answerLean(request, response);
      else void this.receive(request, response);
    });
    this.server.on('connection', (socket) => {
      this.connections++;
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.once('close', () => {
        this.sockets.delete(socket);
        this.look();
      });
    });
  }

  /** `http://127.0.0.1:port`, once it listens. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port ?? 0, '127.0.0.1', () => resolve());
    });
  }

  /** Decides, for each request from now on, whether it fails and how; null ends all faults. */
  fault(faultOf: FaultFunction | null): void {
    this.faultOf = faultOf ?? (() => undefined);
  }

  /** Resolves as soon as the condition holds; it is looked at whenever a request or a connection comes or ends. */
  when(condition: (stub: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this)) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /** Cuts every connection, as a provider that dies does, and goes on listening. */
  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Stops listening and cuts what is open. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.dropConnections();
    });
  }

  private answerLean(request: IncomingMessage, response: ServerResponse): void {
    this.calls++;
    request.resume();
    request.once('end', () => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': this.leanBody.length });
      response.end(this.leanBody);
    });
  }

  private async receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming, this.options.only);
    if (request === null) return;
    this.requests.push(request);
    if (!['voices', 'audio', 'usage', 'unknown'].includes(request.operation)) this.calls++;
    let cutByStub = false;
    response.once('close', () => {
      if (!response.writableFinished && !cutByStub) {
        request.aborted = true;
        this.aborted++;
      }
      request.answered = response.writableFinished;
      this.look();
    });
    this.look();
    const answer = answerOf(request, this.refusedKeys, this.usage);
    const fault = this.faultOf(request);
    if (fault !== undefined) {
      cutByStub = fault.kind === 'hang-up' || fault.kind === 'cut-mid-body';
      await misbehave(fault, response, contentTypeOf(request, answer), this.bodyOf(request, answer));
    } else if (answer.kind === 'json') {
      response
        .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        .end(JSON.stringify(answer.body));
    } else if (answer.kind === 'events') {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...answer.headers });
      for (const event of answer.events) response.write(event);
      response.end();
    } else if (answer.kind === 'pieces') {
      response.writeHead(200, { 'content-type': answer.contentType, ...answer.headers });
      for (const piece of answer.pieces) response.write(piece);
      response.end();
    } else {
      this.sendAudio(response, answer);
    }
  }

  /** What a fault plays with: the answer in pieces, and audio where the request for speech itself was refused. */
  private bodyOf(request: StubRequest, answer: StubAnswer): Buffer[] {
    if (answer.kind === 'events') return answer.events.map((event) => Buffer.from(event));
    if (answer.kind === 'pieces') return answer.pieces.map((piece) => Buffer.from(piece as Buffer));
    if (answer.kind === 'audio') return this.piecesOf(answer);
    if (!ANSWERS_JSON.has(request.operation)) return this.piecesOf(DEFAULT_AUDIO);
    const text = Buffer.from(JSON.stringify(answer.body));
    const half = Math.ceil(text.length / 2);
    return [text.subarray(0, half), text.subarray(half)];
  }

  private sendAudio(response: ServerResponse, answer: StubAudio): void {
    const pieces = this.piecesOf(answer);
    response.setHeader('content-type', answer.contentType);
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    if (!answer.streamed) {
      response.end(Buffer.concat(pieces));
      return;
    }
    for (const piece of pieces) response.write(piece);
    response.end();
  }

  private piecesOf(answer: StubAudio): Buffer[] {
    let audio = audioFixture(answer.format, answer.sampleRate, answer.milliseconds);
    if (answer.streamed && answer.format === 'WAV') {
      // A server that does not know the length yet writes placeholders.
      audio = Buffer.concat([wavHeaderFixture(answer.sampleRate, 0xffffffff, 0xffffffff), audio.subarray(44)]);
    }
    const pieces: Buffer[] = [];
    for (let from = 0; from < audio.length; from += this.pieceBytes)
      pieces.push(audio.subarray(from, from + this.pieceBytes));
    return pieces;
  }

  private look(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}

type StubAudio = Extract<StubAnswer, { kind: 'audio' }>;

/** What a fault plays with when the request itself was refused. */
const DEFAULT_AUDIO: StubAudio = {
  kind: 'audio',
  format: 'MP3',
  sampleRate: 44_100,
  contentType: 'audio/mpeg',
  milliseconds: 1_000,
  streamed: false,
  headers: {},
};

/** Operations whose faults play with a document; those of the others play with audio. */
const ANSWERS_JSON: ReadonlySet<StubOperation> = new Set(['chat', 'transcription', 'usage']);

function contentTypeOf(request: StubRequest, answer: StubAnswer): string {
  if (answer.kind === 'events') return 'text/event-stream';
  if (answer.kind === 'audio' || answer.kind === 'pieces') return answer.contentType;
  return ANSWERS_JSON.has(request.operation) ? 'application/json' : DEFAULT_AUDIO.contentType;
}

/** A stub that listens. */
export async function startProviderStub(options: ProviderStubOptions = {}): Promise<ProviderStub> {
  const stub = new ProviderStub(options);
  await stub.listen();
  return stub;
}

/** The whole request; null when the client left in the middle of it. */
async function read(incoming: IncomingMessage, only: string | undefined): Promise<StubRequest | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of incoming) pieces.push(piece as Buffer);
  } catch {
    return null;
  }
  const url = new URL(incoming.url ?? '/', 'http://stub');
  const body = Buffer.concat(pieces);
  let json: unknown;
  try {
    // What begins otherwise is a file or a form, and may be large.
    if (/^\s*[[{]/.test(body.toString('latin1', 0, 16))) json = JSON.parse(body.toString('utf8'));
  } catch {
    json = undefined;
  }
  const method = incoming.method ?? '';
  return {
    ...routeOf(method, url.pathname, incoming.headers.authorization ?? '', only),
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    json,
    body: json === undefined ? body : Buffer.alloc(0),
    aborted: false,
    answered: false,
  };
}

const ROUTES: readonly {
  method: string;
  path: RegExp;
  provider: string;
  operation: StubOperation;
  /** The Authorization header, where two providers share a path. */
  authorization?: RegExp;
}[] = [
  { method: 'POST', path: /^\/tts\/bytes$/, provider: 'cartesia', operation: 'speech' },
  { method: 'GET', path: /^\/voices$/, provider: 'cartesia', operation: 'voices' },
  { method: 'POST', path: /^\/v[12]\/speak$/, provider: 'deepgram', operation: 'speech' },
  { method: 'GET', path: /^\/v1\/models$/, provider: 'deepgram', operation: 'voices', authorization: /^Token / },
  { method: 'POST', path: /^\/v1\/tts$/, provider: 'fish-audio', operation: 'speech' },
  { method: 'GET', path: /^\/model$/, provider: 'fish-audio', operation: 'voices' },
  { method: 'POST', path: /^\/(synthesize|stream)$/, provider: 'resemble-ai', operation: 'speech' },
  { method: 'GET', path: /^\/api\/v2\/voices$/, provider: 'resemble-ai', operation: 'voices' },
  { method: 'POST', path: /^\/tts\/v1\/voice(:stream)?$/, provider: 'inworld', operation: 'speech' },
  { method: 'GET', path: /^\/voices\/v1\/voices$/, provider: 'inworld', operation: 'voices' },
  { method: 'POST', path: /^\/v1\/text-to-speech\/[^/]+(\/stream)?$/, provider: 'elevenlabs', operation: 'speech' },
  { method: 'GET', path: /^\/v2\/voices$/, provider: 'elevenlabs', operation: 'voices' },
  { method: 'POST', path: /^\/v1\/audio\/speech$/, provider: 'kokoro', operation: 'speech' },
  { method: 'GET', path: /^\/v1\/audio\/voices$/, provider: 'kokoro', operation: 'voices' },
  { method: 'POST', path: /^\/(v1\/audio\/speech|tts)$/, provider: 'chatterbox', operation: 'speech' },
  { method: 'GET', path: /^\/v1\/(audio\/)?voices$/, provider: 'chatterbox', operation: 'voices' },
  { method: 'POST', path: /^\/tts$/, provider: 'pocket-tts', operation: 'speech' },
  { method: 'POST', path: /^\/tts(_stream)?$/, provider: 'xtts', operation: 'speech' },
  { method: 'GET', path: /^\/studio_speakers$/, provider: 'xtts', operation: 'voices' },
  {
    method: 'POST',
    path: /^\/api\/v1\/services\/aigc\/multimodal-generation\/generation$/,
    provider: 'qwen-tts',
    operation: 'speech',
  },
  { method: 'GET', path: /^\/dashscope-result\/.+\.wav$/, provider: 'qwen-tts', operation: 'audio' },
  { method: 'POST', path: /^\/v1\/chat\/completions$/, provider: 'openai', operation: 'chat' },
  { method: 'POST', path: /^\/v1\/messages$/, provider: 'anthropic', operation: 'chat' },
  { method: 'POST', path: /^\/openai\/v1\/chat\/completions$/, provider: 'groq', operation: 'chat' },
  ...TRANSCRIPTION_ROUTES,
  ...USAGE_ROUTES,
];

function routeOf(
  method: string,
  path: string,
  key: string,
  only: string | undefined,
): Pick<StubRequest, 'provider' | 'operation'> {
  const route = ROUTES.find(
    (candidate) =>
      candidate.method === method &&
      candidate.path.test(path) &&
      (candidate.authorization?.test(key) ?? true) &&
      (only === undefined || candidate.provider === only),
  );
  return { provider: route?.provider ?? null, operation: route?.operation ?? 'unknown' };
}

function answerOf(request: StubRequest, refusedKeys: ReadonlySet<string>, usage: StubUsage): StubAnswer {
  if (request.operation === 'usage') return answerAsUsage(request, usage, refusedKeys);
  if (request.operation === 'transcription') return answerAsTranscription(request, refusedKeys);
  if (request.provider === 'elevenlabs') return answerAsElevenLabs(request, refusedKeys);
  if (request.provider === 'kokoro') return answerAsKokoro(request);
  const speaks = ['speech', 'voices', 'audio'].includes(request.operation);
  const speaker = speaks ? SPEAKERS[request.provider ?? ''] : undefined;
  if (speaker !== undefined) return speaker(request, refusedKeys);
  if (request.operation === 'chat') return CHATS[request.provider ?? '']!(request, refusedKeys);
  return { kind: 'json', status: 404, body: { detail: 'Not Found' } };
}

const SPEAKERS: Readonly<Record<string, (request: StubRequest, refusedKeys: ReadonlySet<string>) => StubAnswer>> = {
  cartesia: answerAsCartesia,
  deepgram: answerAsDeepgram,
  'fish-audio': answerAsFishAudio,
  'resemble-ai': answerAsResembleAi,
  inworld: answerAsInworld,
  chatterbox: answerAsChatterbox,
  'pocket-tts': answerAsPocketTts,
  'qwen-tts': answerAsQwenTts,
  xtts: answerAsXtts,
};

const CHATS: Readonly<Record<string, (request: StubRequest, refusedKeys: ReadonlySet<string>) => StubAnswer>> = {
  openai: answerAsOpenAiChat,
  anthropic: answerAsAnthropicChat,
  groq: answerAsGroqChat,
};
