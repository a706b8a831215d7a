import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import type { Logger } from 'pino';
import type { Connection } from '../identity/caller';
import type { Principal } from '../identity/principal';
import type { Clock } from '../lib/clock';
import { newId } from '../lib/ids';
import { SharedEvents } from '../lib/shared-events';
import type { RequestContext } from '../resolvers/context';
import { oneByOne } from '../resolvers/live-events';
import type { Services } from '../resolvers/services';
import type { Admission } from './admission';
import { maskError } from './error-masking';
import { InFlight, type Intake } from './intake';
import type { Outlet } from './shared-reader';
import { SharedSubscriptions } from './shared-subscriptions';
import type { SignIn } from './sign-in';
import { subscriptionResults } from './subscription-results';
import { WebsocketDocuments } from './websocket-documents';

export interface WebsocketOperationsDependencies {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly signIn: SignIn;
  readonly admission: Admission;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly log: Logger;
  /** A subscriber who was up to date and is more events behind than this is let go; 1,000 by default. */
  readonly eventsBehindMax?: number;
}

/** Who asks: what a socket was opened with, and the way to its client. */
export interface SocketCaller extends Outlet {
  readonly authorization: unknown;
  readonly origin: string | undefined;
  readonly address: string;
  readonly providerKeys: ReadonlyMap<string, string>;
  readonly connection: Connection;
}

export interface SocketRequest {
  /** Of the operation on its socket. */
  readonly id: string;
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
}

/** Arguments of a subscription that has begun. */
export interface StartedArgs extends ExecutionArgs {
  readonly started: AsyncIterable<ExecutionResult>;
}

interface Start {
  readonly args: ExecutionArgs & { readonly contextValue: RequestContext };
  readonly operation: OperationDefinitionNode;
  readonly principal: Principal | null;
  readonly caller: SocketCaller;
  readonly id: string;
}

/** The GraphQL operations of all sockets: signed in anew, counted, and begun. */
export class WebsocketOperations {
  /** Events that came and are on their way to their subscribers. */
  readonly deliveries = new InFlight();
  private readonly documents: WebsocketDocuments;
  private readonly shared: SharedSubscriptions;

  constructor(private readonly dependencies: WebsocketOperationsDependencies) {
    const { schema, clock, log, eventsBehindMax } = dependencies;
    this.documents = new WebsocketDocuments(schema);
    this.shared = new SharedSubscriptions({ clock, log, eventsBehindMax, deliveries: this.deliveries });
  }

  /** What is to be executed (a query or mutation), or has begun (a subscription); or why it was refused. */
  async begin(caller: SocketCaller, request: SocketRequest): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { signIn, admission, intake, schema, services } = this.dependencies;
    const context: RequestContext = {
      requestId: newId(),
      principal: null,
      transport: 'websocket',
      providerKeys: caller.providerKeys,
      tally: { inputTokens: 0, totalTokens: 0, audioMilliseconds: 0 },
      connection: caller.connection,
      services,
    };
    const refused = (errors: readonly GraphQLError[] = []): readonly GraphQLError[] =>
      errors.map((error) => withContext(error, context.requestId));
    try {
      intake.check();
      const principal = await signIn.principal(caller.authorization, caller.origin, caller.address);
      Object.assign(context, { principal });
      const document = this.documents.read(request.query);
      if (!('kind' in document)) return refused(document);
      if (principal) await admission.admit(principal, document, request.operationName, request.variables, () => {});
      const operation = getOperationAST(document, request.operationName);
      if (!operation) return refused([noSuchOperation()]);
      const args = {
        schema,
        document,
        operationName: request.operationName,
        variableValues: request.variables,
        contextValue: context,
      };
      if (operation.operation !== 'subscription') return args;
      // Begun here, so that a refusal is an `error` of the protocol and not a first and last `next`.
      const source = await createSourceEventStream(args);
      if (!(Symbol.asyncIterator in source)) return refused(source.errors);
      const started = this.start(source, { args, operation, principal, caller, id: request.id });
      return { ...args, started } as StartedArgs;
    } catch (error) {
      return refused([
        error instanceof GraphQLError ? error : new GraphQLError('refused', { originalError: error as Error }),
      ]);
    }
  }

  /** Own provider keys can show in what is answered, so that nobody else is told the same. */
  private start(source: AsyncIterable<unknown>, { args, operation, principal, caller, id }: Start) {
    if (source instanceof SharedEvents) {
      if (principal && caller.providerKeys.size === 0) {
        return this.shared.join(source, { args, operation, principal, outlet: caller, id });
      }
      return this.each(oneByOne(source), args);
    }
    return this.each(source[Symbol.asyncIterator](), args);
  }

  private each(source: AsyncIterator<unknown>, args: ExecutionArgs): AsyncIterable<ExecutionResult> {
    return subscriptionResults(source, (event) => execute({ ...args, rootValue: event }), this.deliveries);
  }

  mask(error: GraphQLError | GraphQLFormattedError, requestId?: string): never {
    const id = requestId ?? (error instanceof GraphQLError ? requestIds.get(error) : undefined) ?? newId();
    return maskError(error, id, this.dependencies.log) as never;
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
