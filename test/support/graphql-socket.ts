import { WebSocket } from 'ws';

/** What a subscription was sent, as graphql-transport-ws puts it. */
export type SocketEvent<Data = Record<string, unknown>> =
  | { readonly type: 'next'; readonly payload: GraphqlResult<Data> }
  /** Refused at its start. */
  | { readonly type: 'error'; readonly payload: readonly GraphqlError[] }
  | { readonly type: 'complete' }
  /** The socket closed under it. */
  | { readonly type: 'closed'; readonly close: SocketClose };

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
}

export interface GraphqlResult<Data = Record<string, unknown>> {
  readonly data: Data | null | undefined;
  readonly errors?: readonly GraphqlError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** One subscription (or query, or mutation) on a socket. Its events queue until they are asked for. */
export class SocketSubscription<Data = Record<string, unknown>> {
  private readonly queue: SocketEvent<Data>[] = [];
  private waiting: ((event: SocketEvent<Data>) => void)[] = [];
  private over: SocketEvent<Data> | null = null;

  constructor(
    readonly id: string,
    private readonly send: (message: Message) => void,
    private readonly forget: () => void,
  ) {}

  /** The next event; the last one (error, complete or closed) again and again once it has come. */
  event(): Promise<SocketEvent<Data>> {
    const next = this.queue.shift() ?? this.over;
    return next ? Promise.resolve(next) : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The next result; throws, naming what came, when there is none. */
  async next(): Promise<GraphqlResult<Data>> {
    const event = await this.event();
    if (event.type === 'next') return event.payload;
    throw new Error(`expected a result, got ${JSON.stringify(event)}`);
  }

  /** Every result to come, and what ended it. */
  async rest(): Promise<{ readonly results: GraphqlResult<Data>[]; readonly end: SocketEvent<Data> }> {
    const results: GraphqlResult<Data>[] = [];
    for (;;) {
      const event = await this.event();
      if (event.type !== 'next') return { results, end: event };
      results.push(event.payload);
    }
  }

  /** Says politely that nobody listens any more; the socket stays open. */
  leave(): void {
    this.send({ id: this.id, type: 'complete' });
    this.receive({ type: 'complete' });
  }

  receive(event: SocketEvent<Data>): void {
    if (this.over) return;
    if (event.type !== 'next') {
      this.over = event;
      this.forget();
    }
    const waiting = event.type === 'next' ? this.waiting.splice(0, 1) : this.waiting.splice(0);
    if (event.type === 'next' && waiting.length === 0) this.queue.push(event);
    for (const resolve of waiting) resolve(event);
  }
}

/** A client of graphql-transport-ws that shows every message and every way a socket can end. It does not reconnect. */
export class GraphqlSocket {
  readonly closed: Promise<SocketClose>;
  private readonly subscriptions = new Map<string, SocketSubscription<never>>();
  private count = 0;

  private constructor(
    private readonly socket: WebSocket,
    private readonly acknowledged: () => void,
  ) {
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        const close = { code, reason: reason.toString('utf8') };
        for (const subscription of [...this.subscriptions.values()]) subscription.receive({ type: 'closed', close });
        resolve(close);
      }),
    );
    socket.on('message', (data) => this.receive(JSON.parse(String(data)) as Message));
  }

  /**
   * Opens a socket and signs it in.
   * @param address the server's http address, with or without /graphql
   * @throws Error with the close code when the server refuses.
   */
  static async open(
    address: string,
    parameters?: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GraphqlSocket> {
    const url = new URL('/graphql', address);
    url.protocol = 'ws:';
    const socket = new WebSocket(url, 'graphql-transport-ws', { headers, perMessageDeflate: false });
    let acknowledge = (): void => {};
    const acknowledged = new Promise<'acknowledged'>((resolve) => {
      acknowledge = () => resolve('acknowledged');
    });
    const client = new GraphqlSocket(socket, acknowledge);
    const failed = new Promise<never>((_resolve, reject) => {
      socket.once('error', reject);
      void client.closed.then(({ code, reason }) => reject(new Error(`the socket was closed: ${code} ${reason}`)));
    });
    failed.catch(() => {});
    socket.once('open', () => client.send({ type: 'connection_init', payload: parameters }));
    await Promise.race([acknowledged, failed]);
    return client;
  }

  subscribe<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    operationName?: string,
  ): SocketSubscription<Data> {
    this.count += 1;
    const id = String(this.count);
    const subscription = new SocketSubscription<Data>(
      id,
      (message) => this.send(message),
      () => void this.subscriptions.delete(id),
    );
    this.subscriptions.set(id, subscription as unknown as SocketSubscription<never>);
    this.send({ id, type: 'subscribe', payload: { query, variables, operationName } });
    return subscription;
  }

  /** Closes as a client that leaves does. */
  async close(code = 1000): Promise<SocketClose> {
    this.socket.close(code);
    return this.closed;
  }

  /** Ends the connection without a word, as a network that breaks does. */
  async drop(): Promise<SocketClose> {
    this.socket.terminate();
    return this.closed;
  }

  /** Stops reading, so that the server's buffers fill. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** For messages that no client should send. */
  send(message: unknown): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private receive(message: Message): void {
    if (message.type === 'connection_ack') this.acknowledged();
    else if (message.type === 'ping') this.send({ type: 'pong' });
    else if (message.id !== undefined) {
      this.subscriptions.get(message.id)?.receive(message as unknown as SocketEvent<never>);
    }
  }
}
