import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it came. */
export interface StandInRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface StandInAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in pieces of some bytes, cut anywhere; a list is sent in these very pieces. */
  readonly body: string | Uint8Array | readonly Uint8Array[];
}

/** Answers as the provider's documents say, and refuses with its documented errors what they do not allow. */
export type AnswerFunction = (request: StandInRequest) => StandInAnswer | Promise<StandInAnswer>;

/** What becomes of an answer in place of being sent. */
export type StandInFault =
  | { readonly kind: 'answer'; readonly answer: StandInAnswer }
  /** Nothing comes; the connection stays open. */
  | { readonly kind: 'stall' }
  /** Half of it comes. */
  | { readonly kind: 'stall-inside' }
  /** The connection is cut before anything was sent. */
  | { readonly kind: 'hang-up' }
  /** Half of it comes, then the connection is cut. */
  | { readonly kind: 'cut' }
  /** All but the last few bytes comes, and those once this resolves. */
  | { readonly kind: 'hold-last'; readonly until: Promise<void> };

const PIECE_BYTES = 1_000;
/** Less than a second of any audio, and than any answer's last message. */
const HELD_BYTES = 64;

/** A provider's stand-in on a free port of this machine. */
export class StandIn {
  /** Every request that has come whole, in order. */
  readonly requests: StandInRequest[] = [];
  /** Requests whose client left before the answer was complete, and was not made to. */
  left = 0;
  /** Decides what goes wrong with a request; null: nothing. */
  faultOf: (request: StandInRequest) => StandInFault | null = () => null;
  pieceBytes = PIECE_BYTES;

  private readonly sockets = new Set<Socket>();
  private readonly watchers = new Set<() => void>();
  private readonly server: Server;

  constructor(private readonly answer: AnswerFunction) {
    this.server = createServer((incoming, response) => void this.receive(incoming, response));
    this.server.on('connection', (socket) => {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', () => resolve());
    });
  }

  /** Resolves as soon as the condition holds; it is looked at whenever a request comes or ends. */
  when(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }

  private async receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of incoming) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    const url = new URL(incoming.url ?? '/', 'http://stand-in');
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: Buffer.concat(pieces),
    };
    this.requests.push(request);
    const fault = this.faultOf(request);
    let cutHere = false;
    response.once('close', () => {
      if (!response.writableFinished && !cutHere) this.left++;
      this.look();
    });
    this.look();
    if (fault?.kind === 'stall') return;
    if (fault?.kind === 'hang-up') {
      cutHere = true;
      response.destroy();
      return;
    }
    const answer = fault?.kind === 'answer' ? fault.answer : await this.answer(request);
    const body = this.piecesOf(answer);
    response.writeHead(answer.status, answer.headers);
    response.flushHeaders();
    if (fault === null || fault.kind === 'answer') {
      for (const piece of body) response.write(piece);
      response.end();
      return;
    }
    if (fault.kind === 'hold-last') {
      const bytes = Buffer.concat(body);
      response.write(bytes.subarray(0, -HELD_BYTES));
      await fault.until;
      response.end(bytes.subarray(-HELD_BYTES));
      return;
    }
    for (const piece of firstHalf(body)) response.write(piece);
    if (fault.kind === 'cut') {
      cutHere = true;
      response.write('', () => response.destroy());
    }
  }

  private piecesOf({ body }: StandInAnswer): readonly Uint8Array[] {
    if (Array.isArray(body)) return body as readonly Uint8Array[];
    const bytes = Buffer.from(body as string | Uint8Array);
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < bytes.length; from += this.pieceBytes) {
      pieces.push(bytes.subarray(from, from + this.pieceBytes));
    }
    return pieces;
  }

  private look(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}

/** A stand-in that listens. */
export async function startStandIn(answer: AnswerFunction): Promise<StandIn> {
  const standIn = new StandIn(answer);
  await standIn.listen();
  return standIn;
}

/** Never the whole, however little there is. */
function firstHalf(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const bytes = Buffer.concat(pieces);
  return [bytes.subarray(0, Math.floor(bytes.length / 2))];
}
