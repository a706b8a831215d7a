import type { IncomingHttpHeaders } from 'node:http';
import { Agent } from 'undici';
import { type GraphqlError, type GraphqlResult, GraphqlSocket, type SocketSubscription } from './graphql-socket';

/** The answer of one request over HTTP. */
export interface GraphqlAnswer<Data = Record<string, unknown>> extends GraphqlResult<Data> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Code of the first error; undefined where there is none. */
  readonly code: string | undefined;
}

/** A subscription with a socket of its own. */
export interface OwnSubscription<Data> {
  readonly socket: GraphqlSocket;
  readonly subscription: SocketSubscription<Data>;
}

/** What all clients of one server share. */
interface Connections {
  readonly agent: Agent;
  readonly sockets: Set<GraphqlSocket>;
}

/** Speaks to a server as a customer's program does, with one key. */
export class GraphqlClient {
  /** @param key API key or client token; null sends none. */
  constructor(
    readonly url: string,
    readonly key: string | null,
    private readonly headers: Readonly<Record<string, string>> = {},
    private readonly connections: Connections = {
      agent: new Agent({ headersTimeout: 0, bodyTimeout: 0 }),
      sockets: new Set(),
    },
  ) {}

  /** The same server with another key, over the same connections. */
  as(key: string | null, headers: Readonly<Record<string, string>> = {}): GraphqlClient {
    return new GraphqlClient(this.url, key, headers, this.connections);
  }

  /** Sends a document and answers whatever came: errors do not throw. */
  async graphql<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GraphqlAnswer<Data>> {
    const answer = await this.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors, extensions } = JSON.parse(answer.body.toString('utf8')) as GraphqlResult<Data>;
    return {
      status: answer.status,
      headers: answer.headers,
      data,
      ...(errors && { errors }),
      ...(extensions && { extensions }),
      code: errors?.[0]?.extensions.code,
    };
  }

  /** The data of an answer that must have no error. */
  async data<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Data> {
    const { data, errors } = await this.graphql<Data>(query, variables, headers);
    if (!data || errors) throw new GraphqlFailure(errors ?? []);
    return data;
  }

  /** Any request to the server, such as a GET of audio. A path is relative to the server; the key goes along. */
  async send(
    path: string,
    options: {
      readonly method?: 'GET' | 'POST' | 'PUT' | 'HEAD' | 'OPTIONS';
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }> {
    const url = new URL(path, this.url);
    const { statusCode, headers, body } = await this.connections.agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: options.method ?? 'GET',
      headers: {
        ...(this.key !== null && { authorization: `Bearer ${this.key}` }),
        ...this.headers,
        ...options.headers,
      },
      body: options.body,
      signal: options.signal,
    });
    return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
  }

  /** Opens a socket with this client's key. */
  async socket(parameters: Readonly<Record<string, unknown>> = {}): Promise<GraphqlSocket> {
    const socket = await GraphqlSocket.open(this.url, {
      ...(this.key !== null && { authorization: `Bearer ${this.key}` }),
      ...parameters,
    });
    const { sockets } = this.connections;
    sockets.add(socket);
    void socket.closed.then(() => sockets.delete(socket));
    return socket;
  }

  /** A subscription on a socket of its own. */
  async subscribe<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    parameters: Readonly<Record<string, unknown>> = {},
  ): Promise<OwnSubscription<Data>> {
    const socket = await this.socket(parameters);
    return { socket, subscription: socket.subscribe<Data>(query, variables) };
  }

  /** Ends every connection and socket of this client, and of those made from it. */
  async close(): Promise<void> {
    await Promise.all([...this.connections.sockets].map((socket) => socket.drop()));
    await this.connections.agent.destroy();
  }
}

/** An answer that was to have no error had some. */
export class GraphqlFailure extends Error {
  constructor(readonly errors: readonly GraphqlError[]) {
    super(`the answer has errors: ${JSON.stringify(errors)}`);
    this.name = 'GraphqlFailure';
  }

  get code(): string | undefined {
    return this.errors[0]?.extensions.code;
  }
}
