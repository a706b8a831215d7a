import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, execute, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticator } from '../identity/authenticator';
import { concerns } from '../identity/authenticator';
import type { Principal } from '../identity/principal';
import { unauthenticated } from '../identity/refusals';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import type { RequestContext } from '../resolvers/context';
import { maskError } from './error-masking';
import { CLOSE, closeFor, LEFT_CODES } from './websocket-close';
import {
  type SocketCaller,
  type SocketRequest,
  type StartedArgs,
  WebsocketOperations,
  type WebsocketOperationsDependencies,
} from './websocket-operations';

export interface GraphqlWebsocketDependencies extends WebsocketOperationsDependencies {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
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

/** What is known of a socket, from its opening on. */
interface SocketState extends SocketCaller {
  readonly socket: WebSocket;
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
  private readonly operations: WebsocketOperations;
  private readonly stopListening: (() => void)[] = [];
  private disposer: { dispose(): void | Promise<void> } | null = null;

  constructor(private readonly dependencies: GraphqlWebsocketDependencies) {
    this.operations = new WebsocketOperations(dependencies);
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
          this.dependencies.intake.during(() => this.begin(ctx.extra.socket, payload)),
        execute: (args: ExecutionArgs) => this.dependencies.intake.during(() => execute(args)),
        subscribe: (args) => (args as StartedArgs).started as never,
        onError: (_ctx, _id, _payload, errors) => errors.map((error) => this.operations.mask(error)),
        onNext: (_ctx, _id, _payload, args, result) => {
          const { requestId } = args.contextValue as RequestContext;
          return {
            ...result,
            ...(result.errors && { errors: result.errors.map((error) => this.operations.mask(error, requestId)) }),
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
    await withDeadline(this.operations.deliveries.empty(), CLOSE_MS, clock, 'Sending the last events').catch(() => {});
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

  private async begin(socket: WebSocket, request: SocketRequest): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const state = this.states.get(socket);
    // Closed meanwhile: nobody hears the answer.
    return state ? this.operations.begin(state, request) : [new GraphQLError('The socket is closed.')];
  }

  private countSocket(workspaceId: string, change: 1 | -1): void {
    const count = (this.perWorkspace.get(workspaceId) ?? 0) + change;
    if (count > 0) this.perWorkspace.set(workspaceId, count);
    else this.perWorkspace.delete(workspaceId);
  }
}

/** A connection parameter, without regard to case. */
function parameterOf(parameters: Readonly<Record<string, unknown>>, name: string): unknown {
  for (const key in parameters) if (key.toLowerCase() === name) return parameters[key];
  return undefined;
}
