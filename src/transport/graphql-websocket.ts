import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, execute, GraphQLError } from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { Authenticator } from '../identity/authenticator';
import { concerns } from '../identity/authenticator';
import type { Principal } from '../identity/principal';
import { unauthenticated } from '../identity/refusals';
import { withDeadline } from '../lib/deadline';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import type { RequestContext } from '../resolvers/context';
import { ClientSocket } from './client-socket';
import { maskError } from './error-masking';
import { KeepAlive } from './keep-alive';
import { CLOSE, closeFor, LEFT_CODES } from './websocket-close';
import {
  type SocketRequest,
  type StartedArgs,
  WebsocketOperations,
  type WebsocketOperationsDependencies,
} from './websocket-operations';

export interface GraphqlWebsocketDependencies extends WebsocketOperationsDependencies {
  readonly authenticator: Authenticator;
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

type Opened = (code: number, reason: string) => Promise<void>;

/** GraphQL over WebSocket (graphql-transport-ws), on the same path as HTTP. */
export class GraphqlWebsocket {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols,
  });
  private readonly sockets = new Set<ClientSocket>();
  private readonly perWorkspace = new Map<string, number>();
  private readonly operations: WebsocketOperations;
  private readonly keepAlive = new KeepAlive(KEEP_ALIVE_MS);
  private readonly stopListening: (() => void)[] = [];
  /** Called when the last socket is gone. */
  private onEmpty = (): void => {};

  constructor(private readonly dependencies: GraphqlWebsocketDependencies) {
    this.operations = new WebsocketOperations(dependencies);
  }

  get socketCount(): number {
    return this.sockets.size;
  }

  attach(http: Server): void {
    const protocol = this.protocol();
    http.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/graphql') {
        stream.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
        return;
      }
      const address = request.socket.remoteAddress ?? 'unknown';
      const { origin } = request.headers;
      this.server.handleUpgrade(request, stream, head, (webSocket) => {
        const socket = new ClientSocket(webSocket, stream, address, origin);
        this.opened(socket);
        const closed: Opened = protocol.opened(socket, socket);
        webSocket.on('pong', () => {
          socket.isAsked = false;
        });
        // ws closes the socket itself, with the code that the fault asks for.
        webSocket.on('error', () => {});
        webSocket.once('close', (code, reason) => {
          this.closed(socket, code);
          void closed(code, String(reason));
        });
      });
    });
    const { authenticator } = this.dependencies;
    this.stopListening.push(
      authenticator.onRevoked((who) => {
        for (const socket of this.sockets) {
          if (socket.principal && concerns(who, socket.principal)) socket.close(CLOSE.forbidden, 'Revoked');
        }
      }),
      authenticator.onChanged((who) => {
        for (const socket of this.sockets) {
          if (socket.principal && concerns(who, socket.principal)) void this.reauthenticate(socket);
        }
      }),
    );
  }

  /** Sends what is on its way, tells every client to go elsewhere, and ends what they listen to. */
  async close(): Promise<void> {
    const { clock } = this.dependencies;
    await withDeadline(this.operations.deliveries.empty(), CLOSE_MS, clock, 'Sending the last events').catch(() => {});
    for (const stop of this.stopListening) stop();
    this.keepAlive.stop();
    this.server.close();
    for (const socket of this.sockets) socket.close(CLOSE.goingAway, 'Going away');
    const cancel = clock.schedule(() => {
      for (const socket of this.sockets) socket.terminate();
    }, CLOSE_MS);
    if (this.sockets.size > 0) {
      await new Promise<void>((resolve) => {
        this.onEmpty = resolve;
      });
    }
    cancel();
  }

  private protocol() {
    return makeServer<Record<string, unknown>, ClientSocket>({
      schema: this.dependencies.schema,
      // Ours goes by the server's clock.
      connectionInitWaitTimeout: 0,
      onConnect: async (ctx) => this.connect(ctx.extra, ctx.connectionParams ?? {}),
      onSubscribe: (ctx, id, payload) =>
        this.dependencies.intake.during(() => this.begin(ctx.extra, { ...payload, id })),
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
    });
  }

  private opened(socket: ClientSocket): void {
    const { clock, intake } = this.dependencies;
    socket.cancelInit = clock.schedule(() => socket.close(CLOSE.noInit, 'Connection initialisation timeout'), INIT_MS);
    this.sockets.add(socket);
    this.keepAlive.add(socket);
    if (intake.isShut) socket.close(CLOSE.goingAway, 'Going away');
  }

  /** Before its subscriptions are ended: they ask how the socket was. */
  private closed(socket: ClientSocket, code: number): void {
    socket.connection.dropped = !LEFT_CODES.has(code);
    socket.cancelInit();
    socket.cancelExpiry();
    this.keepAlive.remove(socket);
    this.sockets.delete(socket);
    if (socket.principal) this.countSocket(socket.principal.workspaceId, -1);
    if (this.sockets.size === 0) this.onEmpty();
  }

  /** Signs the socket in. A wrong credential closes it with a code that tells why. */
  private async connect(
    socket: ClientSocket,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<boolean | Record<string, unknown>> {
    socket.cancelInit();
    socket.authorization = parameterOf(parameters, 'authorization');
    try {
      const { signIn } = this.dependencies;
      const principal = await signIn.principal(socket.authorization, socket.origin, socket.address);
      socket.providerKeys = signIn.ownKeys(parameters);
      // Every subscription needs a credential; what needs none is asked over HTTP.
      if (!principal) throw unauthenticated('missing');
      if (!this.sockets.has(socket)) return false;
      const most = this.dependencies.socketsOfAWorkspaceMax ?? SOCKETS_OF_A_WORKSPACE_MAX;
      if ((this.perWorkspace.get(principal.workspaceId) ?? 0) >= most) {
        socket.close(CLOSE.tooMany, 'Too many sockets of this workspace');
        return false;
      }
      this.admitPrincipal(socket, principal);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) maskError(error, newId(), this.dependencies.log);
      socket.close(...closeFor(error));
      return false;
    }
  }

  private admitPrincipal(socket: ClientSocket, principal: Principal): void {
    if (!socket.principal) this.countSocket(principal.workspaceId, 1);
    socket.principal = principal;
    socket.cancelExpiry();
    if (principal.expiresAtMs !== null) {
      const left = Math.max(0, principal.expiresAtMs - this.dependencies.clock.now());
      // Timers take 31 bits of milliseconds; a later expiry is found at the next look.
      socket.cancelExpiry = this.dependencies.clock.schedule(
        () => void this.reauthenticate(socket),
        Math.min(left, 2_000_000_000),
      );
    }
  }

  /** Looks again at a credential whose rights may have changed; a socket without a right to be open is closed. */
  private async reauthenticate(socket: ClientSocket): Promise<void> {
    try {
      const principal = await this.dependencies.signIn.principal(socket.authorization, socket.origin, socket.address);
      if (principal && this.sockets.has(socket)) this.admitPrincipal(socket, principal);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAVAILABLE') {
        socket.cancelExpiry = this.dependencies.clock.schedule(() => void this.reauthenticate(socket), DOUBT_MS);
        return;
      }
      socket.close(...closeFor(error));
    }
  }

  private async begin(socket: ClientSocket, request: SocketRequest): Promise<ExecutionArgs | readonly GraphQLError[]> {
    // Closed meanwhile: nobody hears the answer.
    if (!this.sockets.has(socket)) return [new GraphQLError('The socket is closed.')];
    return this.operations.begin(socket, request);
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
