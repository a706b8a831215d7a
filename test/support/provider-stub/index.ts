import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { answerAsElevenLabs } from './elevenlabs';
import { type FaultFunction, misbehave } from './faults';
import { answerAsKokoro } from './kokoro';
import type { StubAnswer, StubRequest } from './requests';

export { ELEVENLABS_VOICES } from './elevenlabs';
export { type FaultFunction, Gate, randomFaults, type StubFault, seededRandom } from './faults';
export { KOKORO_VOICES } from './kokoro';
export { type StubRequest, speechMilliseconds } from './requests';

export interface ProviderStubOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Bytes of one piece of a streamed answer. */
  readonly pieceBytes?: number;
  /**
   * For benchmarks: every POST gets the same small MP3 at once, nothing is checked, parsed or recorded, and faults do not apply.
   */
  readonly lean?: boolean;
}

const PIECE_BYTES = 4096;
const LEAN_MILLISECONDS = 500;

/**
 * Stands in for ElevenLabs and Kokoro on one real HTTP server: their paths do not meet, so one address serves as the base
 * URL of both. Requests that the documents do not allow are refused with the documented errors; the others get real audio of
 * the format that was asked for, longer for longer texts.
 */
export class ProviderStub {
  /** Speech requests that came, whatever became of them. */
  calls = 0;
  /** Requests that the client left before their answer was complete. */
  aborted = 0;
  /** Connections that clients have opened. */
  connections = 0;
  /** Every request, in order of arrival; not kept by a lean stub. */
  readonly requests: StubRequest[] = [];
  /** Keys that ElevenLabs answers with 401. */
  readonly refusedKeys = new Set<string>();

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
    const request = await read(incoming);
    if (request === null) return;
    this.requests.push(request);
    if (request.operation === 'speech') this.calls++;
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
    const answer = answerOf(request, this.refusedKeys);
    const fault = this.faultOf(request);
    if (fault !== undefined) {
      cutByStub = fault.kind === 'hang-up' || fault.kind === 'cut-mid-body';
      const audio = answer.kind === 'audio' ? answer : DEFAULT_AUDIO;
      await misbehave(fault, response, audio.contentType, this.piecesOf(audio));
    } else if (answer.kind === 'json') {
      response
        .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        .end(JSON.stringify(answer.body));
    } else {
      this.sendAudio(response, answer);
    }
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

/** A stub that listens. */
export async function startProviderStub(options: ProviderStubOptions = {}): Promise<ProviderStub> {
  const stub = new ProviderStub(options);
  await stub.listen();
  return stub;
}

/** The whole request; null when the client left in the middle of it. */
async function read(incoming: IncomingMessage): Promise<StubRequest | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of incoming) pieces.push(piece as Buffer);
  } catch {
    return null;
  }
  const url = new URL(incoming.url ?? '/', 'http://stub');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    json = undefined;
  }
  const method = incoming.method ?? '';
  return {
    ...routeOf(method, url.pathname),
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    json,
    aborted: false,
    answered: false,
  };
}

const ROUTES: readonly {
  method: string;
  path: RegExp;
  provider: 'elevenlabs' | 'kokoro';
  operation: 'speech' | 'voices';
}[] = [
  { method: 'POST', path: /^\/v1\/text-to-speech\/[^/]+(\/stream)?$/, provider: 'elevenlabs', operation: 'speech' },
  { method: 'GET', path: /^\/v2\/voices$/, provider: 'elevenlabs', operation: 'voices' },
  { method: 'POST', path: /^\/v1\/audio\/speech$/, provider: 'kokoro', operation: 'speech' },
  { method: 'GET', path: /^\/v1\/audio\/voices$/, provider: 'kokoro', operation: 'voices' },
];

function routeOf(method: string, path: string): Pick<StubRequest, 'provider' | 'operation'> {
  const route = ROUTES.find((candidate) => candidate.method === method && candidate.path.test(path));
  return { provider: route?.provider ?? null, operation: route?.operation ?? 'unknown' };
}

function answerOf(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (request.provider === 'elevenlabs') return answerAsElevenLabs(request, refusedKeys);
  if (request.provider === 'kokoro') return answerAsKokoro(request);
  return { kind: 'json', status: 404, body: { detail: 'Not Found' } };
}
