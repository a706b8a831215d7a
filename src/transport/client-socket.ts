import type { Duplex } from 'node:stream';
import type { WebSocket as ProtocolSocket } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Connection } from '../identity/caller';
import type { Principal } from '../identity/principal';
import type { KeptAlive } from './keep-alive';
import { textFrame } from './text-frame';
import { CLOSE } from './websocket-close';
import type { SocketCaller } from './websocket-operations';

/** More than this unsent, and nothing more is kept for a client that does not read. */
const UNSENT_BYTES_MAX = 8 * 1_048_576;
const NO_KEYS: ReadonlyMap<string, string> = new Map();
const nothing = (): void => {};

/** One of those who wait until a socket takes more. */
export interface Waiting {
  resume(): void;
}

/** What is known of a socket, from its opening on, and the way to its client. */
export class ClientSocket implements SocketCaller, ProtocolSocket, KeptAlive {
  principal: Principal | null = null;
  providerKeys: ReadonlyMap<string, string> = NO_KEYS;
  authorization: unknown = undefined;
  readonly connection: Connection = { dropped: false };
  isAsked = false;
  slot = 0;
  cancelInit = nothing;
  cancelExpiry = nothing;
  private waiting: Set<Waiting> | null = null;

  /** @param stream what the socket writes to */
  constructor(
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
    readonly address: string,
    readonly origin: string | undefined,
  ) {}

  get protocol(): string {
    return this.socket.protocol;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Whether the client does not take as fast as it is sent: what is sent now stays in our memory. */
  get isFull(): boolean {
    return this.stream.writableNeedDrain;
  }

  /**
   * Sends; to a socket that is closing, nothing. A client with too much unread is let go. It goes straight to the
   * stream: what ws does besides costs a third of the time when an event goes to a thousand sockets. As messages are
   * neither compressed nor in parts, no frame of ws is ever half sent.
   */
  push(message: string): void {
    if (this.canTakeMore()) this.stream.write(textFrame(message));
  }

  /** Sends as well, for one who sends no more before it has left: resolves then. */
  send(message: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.canTakeMore()) resolve();
      else this.socket.send(message, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resumes the one who waits, once, when the socket takes more; never, when it is closed before. */
  whenDrained(waiting: Waiting): void {
    if (!this.waiting) {
      this.waiting = new Set();
      this.stream.once('drain', () => {
        const resumed = this.waiting!;
        this.waiting = null;
        for (const each of resumed) each.resume();
      });
    }
    this.waiting.add(waiting);
  }

  onMessage(listener: (message: string) => Promise<void>): void {
    this.socket.on('message', (data) => {
      listener(String(data)).catch(() => this.close(CLOSE.internal, 'Internal error'));
    });
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  ping(): void {
    if (this.isOpen) this.socket.ping();
  }

  terminate(): void {
    this.socket.terminate();
  }

  private canTakeMore(): boolean {
    if (!this.isOpen) return false;
    if (this.stream.writableLength <= UNSENT_BYTES_MAX) return true;
    this.terminate();
    return false;
  }
}
