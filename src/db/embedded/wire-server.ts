import { createServer, type Server, type Socket } from 'node:net';
import type { EngineTurns } from './engine-turns';
import { FrontendMessages, type FrontendPiece } from './frontend-messages';

/**
 * PostgreSQL's wire protocol on a Unix socket, in front of an engine that has a single backend.
 *
 * It stands in for the server of `@electric-sql/pglite-socket`, which queues each protocol message by itself: when the
 * messages of one query arrive in two pieces (parameters over 64 kB), another connection's Parse comes between a Parse
 * and its Bind, and both get wrong rows without an error. Here the messages of one query run together.
 */
export class WireServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private waitingForEngine: Array<() => void> | null = [];
  private turns: EngineTurns | null = null;
  private greeting: Uint8Array = new Uint8Array();

  constructor() {
    this.server = createServer((socket) => this.serve(socket));
  }

  /** Connections are accepted at once, and answered when `open` has been called. */
  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(socketPath, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }

  /** @param greeting what the backend answers to a startup message; the same bytes serve every connection. */
  open(turns: EngineTurns, greeting: Uint8Array): void {
    this.turns = turns;
    this.greeting = greeting;
    const waiting = this.waitingForEngine ?? [];
    this.waitingForEngine = null;
    for (const proceed of waiting) proceed();
  }

  /** Ends a connection with an error that its client can read. */
  refuse(client: object, sqlState: string, text: string): void {
    const socket = client as Socket;
    if (!socket.destroyed) socket.end(fatal(sqlState, text));
  }

  /** Accepts nothing more and ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets) {
      this.turns?.leave(socket);
      // No error message: a client that is just saying goodbye would take it for a fault.
      socket.destroySoon();
    }
    await closed;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    const messages = new FrontendMessages();
    const receive = (chunk: Buffer): void => {
      try {
        for (const piece of messages.push(chunk)) this.answer(socket, piece);
      } catch (error) {
        this.turns?.leave(socket);
        this.refuse(socket, '08P01', error instanceof Error ? error.message : 'Protocol violation.');
      }
    };
    // An error is always followed by 'close', where the client is forgotten.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.turns?.leave(socket);
    });
    if (this.waitingForEngine) this.waitingForEngine.push(() => socket.on('data', receive));
    else socket.on('data', receive);
  }

  private answer(socket: Socket, piece: FrontendPiece): void {
    switch (piece.kind) {
      case 'encryption-request':
        socket.write('N');
        return;
      case 'startup':
        socket.write(this.greeting);
        return;
      case 'cancel-request':
        // The backend shares its thread with this server: while a statement runs, nobody can hear this.
        socket.end();
        return;
      case 'terminate':
        this.turns!.leave(socket);
        socket.end();
        return;
      case 'turn':
        this.turns!.take(socket, piece.messages, piece.endsWithFlush, (bytes) => {
          if (socket.writable) socket.write(Buffer.from(bytes));
        });
    }
  }
}

function fatal(sqlState: string, text: string): Buffer {
  const body = `SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`;
  const bytes = Buffer.from(`E\0\0\0\0${body}`);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}
