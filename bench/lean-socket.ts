import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const OPCODE_TEXT = 1;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;
/** What is waited for of a handshake. */
const HEADERS_END = '\r\n\r\n';
/** Clients mask what they send; a mask of zeros changes nothing, and costs nothing. */
const NO_MASK = Buffer.alloc(4);

/**
 * A client's WebSocket that costs little, so that ten thousand in one process measure the server and not themselves.
 * It takes whole, unmasked text frames, as the server sends them, and answers pings.
 */
export class LeanSocket {
  onMessage: (text: Buffer) => void = () => {};
  /** Told once: why it ended. */
  onEnd: (reason: string) => void = () => {};
  private unread: Buffer | null = null;
  private ended = false;

  private constructor(private readonly socket: Socket) {}

  /** @param localAddress one of this machine's, where the ports of one address do not reach. */
  static open(origin: string, localAddress: string): Promise<LeanSocket> {
    const { hostname, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), localAddress, noDelay: true });
      const lean = new LeanSocket(socket);
      let head = '';
      const shake = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        const end = head.indexOf(HEADERS_END);
        if (end < 0) return;
        socket.off('data', shake);
        if (!head.startsWith('HTTP/1.1 101')) {
          reject(new Error(`The server answered the handshake with ${head.slice(0, head.indexOf('\r\n'))}`));
          socket.destroy();
          return;
        }
        lean.listen();
        resolve(lean);
        const rest = Buffer.from(head.slice(end + HEADERS_END.length), 'latin1');
        if (rest.length > 0) lean.receive(rest);
      };
      socket.once('error', reject);
      socket.on('data', shake);
      socket.write(
        `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
          `Sec-WebSocket-Protocol: graphql-transport-ws${HEADERS_END}`,
      );
    });
  }

  send(message: unknown): void {
    this.write(OPCODE_TEXT, Buffer.from(JSON.stringify(message)));
  }

  /** Ends the connection without a word, as a network that breaks does. */
  drop(): void {
    this.end('dropped');
    this.socket.resetAndDestroy();
  }

  private listen(): void {
    this.socket.removeAllListeners('error');
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('closed'));
    this.socket.on('data', (chunk: Buffer) => this.receive(chunk));
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd(reason);
  }

  private write(opcode: number, payload: Buffer): void {
    const { length } = payload;
    const head = length < 126 ? Buffer.alloc(2) : Buffer.alloc(4);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | Math.min(length, 126);
    if (length >= 126) head.writeUInt16BE(length, 2);
    this.socket.write(Buffer.concat([head, NO_MASK, payload]));
  }

  private receive(chunk: Buffer): void {
    let bytes = this.unread ? Buffer.concat([this.unread, chunk]) : chunk;
    for (;;) {
      const frame = readFrame(bytes);
      if (!frame) break;
      bytes = bytes.subarray(frame.end);
      if (frame.opcode === OPCODE_TEXT) this.onMessage(frame.payload);
      else if (frame.opcode === OPCODE_PING) this.write(OPCODE_PONG, frame.payload);
      else if (frame.opcode === OPCODE_CLOSE) {
        const { payload } = frame;
        this.end(payload.length < 2 ? 'closed' : `closed: ${payload.readUInt16BE(0)} ${payload.subarray(2)}`);
        this.socket.destroy();
        return;
      } else throw new Error(`a frame with the opcode ${frame.opcode} came`);
    }
    this.unread = bytes.length > 0 ? Buffer.from(bytes) : null;
  }
}

/** null: it is not there as a whole yet. */
function readFrame(bytes: Buffer): { readonly opcode: number; readonly payload: Buffer; readonly end: number } | null {
  if (bytes.length < 2) return null;
  const first = bytes[0]!;
  const short = bytes[1]!;
  let start = 2;
  let length = short;
  if (short === 126) {
    if (bytes.length < 4) return null;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (short === 127) {
    if (bytes.length < 10) return null;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  const end = start + length;
  return bytes.length < end ? null : { opcode: first & 15, payload: bytes.subarray(start, end), end };
}
