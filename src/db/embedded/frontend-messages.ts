/**
 * What a client has sent, cut into the pieces that the engine must run without another client in between.
 *
 * `turn`: messages up to and including a Sync, a Flush or a simple Query. The unnamed statement and portal live in
 * the one session that all connections share, so a Parse may never be parted from its Bind and Execute.
 */
export type FrontendPiece =
  | { readonly kind: 'encryption-request' | 'cancel-request' | 'startup' | 'terminate' }
  | { readonly kind: 'turn'; readonly messages: Uint8Array; readonly endsWithFlush: boolean };

/** A message larger than this is refused, as its sender can only be broken. */
export const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;

const PROTOCOL_3 = 3;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const STARTUP_BYTES_MAX = 10_000;

const code = (letter: string): number => letter.charCodeAt(0);
const SYNC = code('S');
const QUERY = code('Q');
const FLUSH = code('H');
const TERMINATE = code('X');

/** Reassembles PostgreSQL's frontend protocol 3.0 from the chunks of one connection. */
export class FrontendMessages {
  private chunks: Buffer[] = [];
  private size = 0;
  /** Bytes that must have arrived before the next message can be cut off. */
  private needed = 8;
  private started = false;
  private turn: Buffer[] = [];
  private turnBytes = 0;

  /** @throws Error when the bytes are not the protocol; the connection is then of no more use. */
  push(chunk: Buffer): FrontendPiece[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.needed) return [];
    let rest = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
    const pieces: FrontendPiece[] = [];
    for (;;) {
      const length = this.started ? typedLength(rest) : untypedLength(rest);
      if (rest.length < length) {
        this.needed = length;
        break;
      }
      const piece = this.started ? this.typed(rest.subarray(0, length)) : this.untyped(rest);
      rest = rest.subarray(length);
      if (piece) pieces.push(piece);
    }
    this.chunks = [rest];
    this.size = rest.length;
    return pieces;
  }

  private untyped(message: Buffer): FrontendPiece {
    const request = message.readInt32BE(4);
    if (request === SSL_REQUEST || request === GSS_REQUEST) return { kind: 'encryption-request' };
    if (request === CANCEL_REQUEST) return { kind: 'cancel-request' };
    if (request >>> 16 !== PROTOCOL_3) throw new Error('The client speaks an unknown version of the protocol.');
    this.started = true;
    return { kind: 'startup' };
  }

  private typed(message: Buffer): FrontendPiece | null {
    const type = message[0];
    if (type === TERMINATE) return { kind: 'terminate' };
    this.turn.push(message);
    this.turnBytes += message.length;
    if (this.turnBytes > MESSAGE_BYTES_MAX) throw new Error('The client sent too much without waiting for an answer.');
    if (type !== SYNC && type !== QUERY && type !== FLUSH) return null;
    const messages = this.turn.length === 1 ? message : Buffer.concat(this.turn);
    this.turn = [];
    this.turnBytes = 0;
    return { kind: 'turn', messages, endsWithFlush: type === FLUSH };
  }
}

function untypedLength(bytes: Buffer): number {
  if (bytes.length < 8) return 8;
  const length = bytes.readInt32BE(0);
  if (length < 8 || length > STARTUP_BYTES_MAX) throw new Error('The client does not speak PostgreSQL.');
  return length;
}

function typedLength(bytes: Buffer): number {
  if (bytes.length < 5) return 5;
  const length = bytes.readInt32BE(1);
  if (length < 4 || length > MESSAGE_BYTES_MAX) throw new Error('The client sent a message of an impossible length.');
  return length + 1;
}
