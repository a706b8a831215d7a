import { createConnection, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * One caller: a kept-alive connection that sends the same request again and again, each when the one before it was
 * answered. It does the least a client can do, so that the machine's time goes to what is measured.
 */
export class KeepAliveCaller {
  private socket!: Socket;
  private pending: Buffer | null = null;
  private resolve: (status: number) => void = () => {};
  private reject: (error: Error) => void = () => {};
  /** Body of the last answer. */
  body: Buffer = Buffer.alloc(0);

  constructor(
    private readonly origin: URL,
    private readonly request: Buffer,
  ) {}

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket = createConnection({ host: this.origin.hostname, port: Number(this.origin.port), noDelay: true });
      this.socket.once('connect', resolve);
      this.socket.once('error', (error) => {
        reject(error);
        this.reject(error);
      });
      this.socket.once('close', () => this.reject(new Error('the connection was closed')));
      this.socket.on('data', (bytes) => this.receive(bytes));
    });
  }

  /** Sends the request and answers the status. */
  call(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      this.socket.write(this.request);
    });
  }

  close(): void {
    this.reject = () => {};
    this.socket.destroy();
  }

  private receive(bytes: Buffer): void {
    const seen = this.pending ? Buffer.concat([this.pending, bytes]) : bytes;
    const end = seen.indexOf(HEAD_END);
    if (end < 0) {
      this.pending = seen;
      return;
    }
    const head = seen.toString('latin1', 0, end);
    const length = LENGTH.exec(head);
    if (!length) {
      this.reject(new Error(`the answer has no length: ${head}`));
      return;
    }
    const whole = end + HEAD_END.length + Number(length[1]);
    if (seen.length < whole) {
      this.pending = seen;
      return;
    }
    this.pending = null;
    this.body = seen.subarray(end + HEAD_END.length, whole);
    this.resolve(Number(head.slice(9, 12)));
  }
}

/** A request of HTTP/1.1 as it goes over the wire. */
export function rawRequest(origin: URL, path: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const lines = Object.entries({
    host: origin.host,
    ...headers,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}
