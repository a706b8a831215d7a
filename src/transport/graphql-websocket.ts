import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticator } from '../identity/authenticator';
import { concerns } from '../identity/authenticator';
import type { Connection } from '../identity/caller';
import type { Principal } from '../identity/principal';
import { unauthenticated } from '../identity/refusals';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import type { RequestContext } from '../resolvers/context';
import type { Services } from '../resolvers/services';
import type { Admission } from './admission';
import { maskError } from './error-masking';
import { InFlight, type Intake } from './intake';
import type { SignIn } from './sign-in';
import { subscriptionResults } from './subscription-results';
import { CLOSE, closeFor, LEFT_CODES } from './websocket-close';
import { WebsocketDocuments } from './websocket-documents';

export interface GraphqlWebsocketDependencies {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly signIn: SignIn;
  readonly authenticator: Authenticator;
  readonly admission: Admission;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly log: Logger;
  /** Open sockets of one workspace at most; 2,000 by default. */
  readonly socketsOfAWorkspaceMax?: number;
}

const INIT_MS = 10_000;
const KEEP_ALIVE_MS = 12_000;
/** A credential that could not be looked at is looked at again after this. */
const DOUBT_MS = 2_000;
/** A client that does not answer the close is cut after this. */
const CLOSE_MS = 5_000;
const SOCKETS_OF_A_WORKSPACE_MAX = 2_000;
const MESSAGE_BYTES_MAX = 4 * 1_048_576;

/** Arguments of a subscription that has begun. */
interface StartedArgs extends ExecutionArgs {
  readonly started: AsyncIterable<ExecutionResult>;
}

/** What is known of a socket, from its opening on. */
interface SocketState {
  readonly socket: WebSocket;
  readonly address: string;
  readonly origin: string | undefined;
  readonly connection: Connection;
  principal: Principal | null;
  providerKeys: ReadonlyMap<string, string>;
  authorization: unknown;
  cancelInit: () => void;
  cancelExpiry: () => void;
}

/** GraphQL over WebSocket (graphql-transport-ws), on the same path as HTTP. */
export class GraphqlWebsocket {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  });
  private readonly states = new Map<WebSocket, SocketState>();
  private readonly perWorkspace = new Map<string, number>();
  private readonly documents: WebsocketDocuments;
  /** Events that came and are on their way to their subscribers. */
  private readonly deliveries = new InFlight();
  private readonly stopListening: (() => void)[] = [];
  private disposer: { dispose(): void | Promise<void> } | null = null;

  constructor(private readonly dependencies: GraphqlWebsocketDependencies) {
    this.documents = new WebsocketDocuments(dependencies.schema);
  }

  get socketCount(): number {
    return this.states.size;
  }

  attach(http: Server): void {
    // Ahead of graphql-ws: its own listeners end the subscriptions, which ask how the socket ended.
    this.server.on('connection', (socket: WebSocket, request: IncomingMessage) => this.opened(socket, request));
    this.disposer = useServer<Record<string, unknown>, { socket: WebSocket; request: IncomingMessage }>(
      {
        schema: this.dependencies.schema,
        isProd: true,
        // Ours goes by the server's clock.
        connectionInitWaitTimeout: 0,
        onConnect: async (ctx) => this.connect(ctx.extra.socket, ctx.connectionParams ?? {}),
        onSubscribe: (ctx, _id, payload) =>
          this.dependencies.intake.during(() => this.subscribe(ctx.extra.socket, payload)),
        execute: (args: ExecutionArgs) => this.dependencies.intake.during(() => execute(args)),
        subscribe: (args) => (args as StartedArgs).started as never,
        onError: (_ctx, _id, _payload, errors) => errors.map((error) => this.mask(error)),
        onNext: (_ctx, _id, _payload, args, result) => {
          const { requestId } = args.contextValue as RequestContext;
          return {
            ...result,
            ...(result.errors && { errors: result.errors.map((error) => this.mask(error, requestId)) }),
            extensions: { ...result.extensions, requestId },
          } as never;
        },
      },
      this.server,
      KEEP_ALIVE_MS,
    );
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/graphql') {
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
        return;
      }
      this.server.handleUpgrade(request, socket, head, (ws) => this.server.emit('connection', ws, request));
    });
    const { authenticator } = this.dependencies;
    this.stopListening.push(
      authenticator.onRevoked((who) => {
        for (const state of this.states.values()) {
          if (state.principal && concerns(who, state.principal)) state.socket.close(CLOSE.forbidden, 'Revoked');
        }
      }),
      authenticator.onChanged((who) => {
        for (const state of this.states.values()) {
          if (state.principal && concerns(who, state.principal)) void this.reauthenticate(state);
        }
      }),
    );
  }

  /** Sends what is on its way, tells every client to go elsewhere, and ends what they listen to. */
  async close(): Promise<void> {
    const { clock } = this.dependencies;
    await withDeadline(this.deliveries.empty(), CLOSE_MS, clock, 'Sending the last events').catch(() => {});
    for (const stop of this.stopListening) stop();
    const sockets = [...this.states.keys()];
    for (const socket of sockets) socket.close(CLOSE.goingAway, 'Going away');
    const cancel = clock.schedule(() => {
      for (const socket of sockets) socket.terminate();
    }, CLOSE_MS);
    await this.disposer?.dispose();
    cancel();
    this.server.close();
  }

  private opened(socket: WebSocket, request: IncomingMessage): void {
    const state: SocketState = {
      socket,
      address: request.socket.remoteAddress ?? 'unknown',
      origin: request.headers.origin,
      connection: { dropped: false },
      principal: null,
      providerKeys: new Map(),
      authorization: undefined,
      cancelInit: this.dependencies.clock.schedule(
        () => socket.close(CLOSE.noInit, 'Connection initialisation timeout'),
        INIT_MS,
      ),
      cancelExpiry: () => {},
    };
    this.states.set(socket, state);
    if (this.dependencies.intake.isShut) socket.close(CLOSE.goingAway, 'Going away');
    socket.once('close', (code) => {
      state.connection.dropped = !LEFT_CODES.has(code);
      state.cancelInit();
      state.cancelExpiry();
      this.states.delete(socket);
      if (state.principal) this.countSocket(state.principal.workspaceId, -1);
    });
  }

  /** Signs the socket in. A wrong credential closes it with a code that tells why. */
  private async connect(
    socket: WebSocket,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<boolean | Record<string, unknown>> {
    const state = this.states.get(socket);
    if (!state) return false;
    state.cancelInit();
    state.authorization = parameterOf(parameters, 'authorization');
    try {
      const { signIn } = this.dependencies;
      const principal = await signIn.principal(state.authorization, state.origin, state.address);
      state.providerKeys = signIn.ownKeys(parameters);
      // Every subscription needs a credential; what needs none is asked over HTTP.
      if (!principal) throw unauthenticated('missing');
      if (!this.states.has(socket)) return false;
      const most = this.dependencies.socketsOfAWorkspaceMax ?? SOCKETS_OF_A_WORKSPACE_MAX;
      if ((this.perWorkspace.get(principal.workspaceId) ?? 0) >= most) {
        socket.close(CLOSE.tooMany, 'Too many sockets of this workspace');
        return false;
      }
      this.admitPrincipal(state, principal);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) maskError(error, newId(), this.dependencies.log);
      socket.close(...closeFor(error));
      return false;
    }
  }

  private admitPrincipal(state: SocketState, principal: Principal): void {
    if (!state.principal) this.countSocket(principal.workspaceId, 1);
    state.principal = principal;
    state.cancelExpiry();
    if (principal.expiresAtMs !== null) {
      const left = Math.max(0, principal.expiresAtMs - this.dependencies.clock.now());
      // Timers take 31 bits of milliseconds; a later expiry is found at the next look.
      state.cancelExpiry = this.dependencies.clock.schedule(
        () => void this.reauthenticate(state),
        Math.min(left, 2_000_000_000),
      );
    }
  }

  /** Looks again at a credential whose rights may have changed; a socket without a right to be open is closed. */
  private async reauthenticate(state: SocketState): Promise<void> {
    try {
      const principal = await this.dependencies.signIn.principal(state.authorization, state.origin, state.address);
      if (principal && this.states.has(state.socket)) this.admitPrincipal(state, principal);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAVAILABLE') {
        state.cancelExpiry = this.dependencies.clock.schedule(() => void this.reauthenticate(state), DOUBT_MS);
        return;
      }
      state.socket.close(...closeFor(error));
    }
  }

  private async subscribe(
    socket: WebSocket,
    payload: { query: string; operationName?: string | null; variables?: Record<string, unknown> | null },
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const state = this.states.get(socket);
    const { signIn, admission, schema, services } = this.dependencies;
    const context: RequestContext = {
      requestId: newId(),
      principal: null,
      transport: 'websocket',
      providerKeys: state?.providerKeys ?? new Map(),
      tally: { inputTokens: 0, totalTokens: 0, audioMilliseconds: 0 },
      connection: state?.connection ?? { dropped: false },
      services,
    };
    try {
      this.dependencies.intake.check();
      const principal = state ? await signIn.principal(state.authorization, state.origin, state.address) : null;
      Object.assign(context, { principal });
      const document = this.documents.read(payload.query);
      if (!('kind' in document)) return document.map((fault) => withContext(fault, context.requestId));
      if (principal) await admission.admit(principal, document, payload.operationName, payload.variables, () => {});
      const args: ExecutionArgs = {
        schema,
        document,
        operationName: payload.operationName,
        variableValues: payload.variables,
        contextValue: context,
      };
      const operation = getOperationAST(document, payload.operationName);
      if (!operation) throw noSuchOperation();
      if (operation.operation !== 'subscription') return args;
      // Begun here, so that a refusal is an `error` of the protocol and not a first and last `next`.
      const source = await createSourceEventStream(args);
      if (!(Symbol.asyncIterator in source)) {
        return (source.errors ?? []).map((error) => withContext(error, context.requestId));
      }
      const started = subscriptionResults(
        source[Symbol.asyncIterator](),
        (event) => execute({ ...args, rootValue: event }),
        this.deliveries,
      );
      return { ...args, started } as StartedArgs;
    } catch (error) {
      const wrapped =
        error instanceof GraphQLError ? error : new GraphQLError('refused', { originalError: error as Error });
      return [withContext(wrapped, context.requestId)];
    }
  }

  private mask(error: GraphQLError | GraphQLFormattedError, requestId?: string): never {
    const id = requestId ?? (error instanceof GraphQLError ? requestIds.get(error) : undefined) ?? newId();
    return maskError(error, id, this.dependencies.log) as never;
  }

  private countSocket(workspaceId: string, change: 1 | -1): void {
    const count = (this.perWorkspace.get(workspaceId) ?? 0) + change;
    if (count > 0) this.perWorkspace.set(workspaceId, count);
    else this.perWorkspace.delete(workspaceId);
  }
}

const noSuchOperation = (): GraphQLError =>
  new GraphQLError('The document has no such operation; with several, operationName must name one.', {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
  });

/** Which request a refusal belongs to, on its way through graphql-ws. */
const requestIds = new WeakMap<GraphQLError, string>();
function withContext(error: GraphQLError, requestId: string): GraphQLError {
  requestIds.set(error, requestId);
  return error;
}

/** A connection parameter, without regard to case. */
function parameterOf(parameters: Readonly<Record<string, unknown>>, name: string): unknown {
  for (const key in parameters) if (key.toLowerCase() === name) return parameters[key];
  return undefined;
}
