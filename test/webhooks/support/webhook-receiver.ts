import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedMessage {
  readonly path: string;
  readonly id: string;
  readonly timestamp: number;
  readonly signatures: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> };
}

export type Answer = (message: ReceivedMessage, response: ServerResponse) => void;

export const answering =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_message, response) =>
    response.writeHead(status, headers).end();

/** Somebody who is told by webhooks: a real HTTP server on the loopback interface. */
export class WebhookReceiver {
  readonly received: ReceivedMessage[] = [];
  /** Requests that were answered are not counted. */
  open = 0;
  mostOpen = 0;
  answer: Answer = answering(204);
  private readonly server: Server;
  private readonly waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const { headers } = request;
        const message: ReceivedMessage = {
          path: request.url ?? '',
          id: String(headers['webhook-id']),
          timestamp: Number(headers['webhook-timestamp']),
          signatures: String(headers['webhook-signature']).split(' '),
          headers,
          body,
          json: JSON.parse(body),
        };
        this.received.push(message);
        this.open += 1;
        this.mostOpen = Math.max(this.mostOpen, this.open);
        response.on('close', () => {
          this.open -= 1;
        });
        for (const { count, resolve } of this.waiting) if (this.received.length >= count) resolve();
        this.answer(message, response);
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Resolves when so many messages have come in all. */
  async whenReceived(count: number): Promise<void> {
    if (this.received.length >= count) return;
    await new Promise<void>((resolve) => this.waiting.push({ count, resolve }));
  }

  /** What came since the last time. */
  take(): ReceivedMessage[] {
    return this.received.splice(0);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** The signature that the library of Standard Webhooks makes of the same message. */
export const expectedSignature = (secret: string, { id, timestamp, body }: ReceivedMessage): string =>
  new Webhook(secret).sign(id, new Date(timestamp * 1_000), body);
