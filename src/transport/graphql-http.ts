import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ExecutionResult, execute, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import { rateLimitHeaders } from '../limits/request-limits';
import type { RequestContext } from '../resolvers/context';
import type { Services } from '../resolvers/services';
import type { AccountWindow, Admission } from './admission';
import { checkDocumentLimits, DOCUMENT_LIMITS, parseDocument } from './document-limits';
import { HTTP_STATUS, maskError, requestRefusal } from './error-masking';
import type { Intake } from './intake';
import { KnownDocuments, type KnownRequest } from './known-documents';
import type { SignIn } from './sign-in';

export interface GraphqlHttpDependencies {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly signIn: SignIn;
  readonly admission: Admission;
  readonly intake: Intake;
  readonly log: Logger;
}

/** The context of a request over HTTP, with what its answer's headers need. */
interface HttpContext extends RequestContext {
  /** Apollo copies the context, so what is written must lie one level down. */
  readonly answer: { window: AccountWindow; counted: boolean; complete: boolean };
}

/** What Apollo decides by: the media types, and whether a browser has asked us before. The rest is our own business. */
const READ_BY_APOLLO = ['accept', 'content-type', 'x-apollo-operation-name', 'apollo-require-preflight'];

/** GraphQL over HTTP: Apollo Server behind a Fastify route. */
export class GraphqlHttp {
  private readonly apollo: ApolloServer<HttpContext>;
  private readonly known = new KnownDocuments();

  constructor(private readonly dependencies: GraphqlHttpDependencies) {
    this.apollo = new ApolloServer<HttpContext>({
      schema: dependencies.schema,
      introspection: true,
      includeStacktraceInErrorResponses: false,
      parseOptions: { maxTokens: DOCUMENT_LIMITS.tokens },
      // Nothing here may be cached by others, and working out for how long would wrap every resolver.
      plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled(), this.plugin()],
      stopOnTerminationSignals: false,
    });
  }

  async start(): Promise<void> {
    await this.apollo.start();
  }

  async stop(): Promise<void> {
    await this.apollo.stop();
  }

  register(app: FastifyInstance): void {
    app.route({
      method: ['GET', 'POST'],
      url: '/graphql',
      handler: (request, reply) => this.dependencies.intake.during(() => this.handle(request, reply)),
    });
  }

  private async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (request.method === 'GET' && (request.headers.accept ?? '').includes('text/html'))
      return reply.redirect('/graphiql');
    const context: HttpContext = {
      requestId: newId(),
      principal: null,
      transport: 'http',
      providerKeys: new Map(),
      tally: { inputTokens: 0, totalTokens: 0, audioMilliseconds: 0 },
      connection: null,
      services: this.dependencies.services,
      answer: { window: undefined, counted: false, complete: false },
    };
    reply.header('x-request-id', context.requestId);
    let known: KnownRequest | null;
    try {
      const { intake, signIn } = this.dependencies;
      intake.check();
      const principal = await signIn.principal(request.headers.authorization, request.headers.origin, request.ip);
      Object.assign(context, { principal });
      Object.assign(context, { providerKeys: signIn.ownKeys(request.headers) });
      known = this.known.find(request);
      if (!known) this.checkSize(request.body);
    } catch (error) {
      return this.refuseCounted(reply, error, context);
    }
    return known ? this.answerKnown(known, reply, context) : this.answerAny(request, reply, context);
  }

  /** Every form of request, by Apollo Server. */
  private async answerAny(request: FastifyRequest, reply: FastifyReply, context: HttpContext): Promise<FastifyReply> {
    const headers = new HeaderMap();
    for (const name of READ_BY_APOLLO) {
      const value = request.headers[name];
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    const question = request.url.indexOf('?');
    const answer = await this.apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers,
        body: request.body,
        search: question < 0 ? '' : request.url.slice(question),
      },
      context: async () => context,
    });
    if (context.principal && !context.answer.counted) await this.countRefused(context);
    reply.code(answer.status ?? 200);
    for (const [name, value] of answer.headers) reply.header(name, value);
    this.writeHeaders(reply, context);
    if (answer.status === undefined)
      this.known.learnContentType(request.headers.accept, answer.headers.get('content-type'));
    if (answer.body.kind === 'complete')
      return reply.send(
        answer.status === 406 || !context.answer.complete
          ? withRequestId(answer.body.string, context.requestId)
          : answer.body.string,
      );
    reply.hijack();
    for await (const chunk of answer.body.asyncIterator) reply.raw.write(chunk);
    reply.raw.end();
    return reply;
  }

  /** What Apollo Server would do with a request that needs no more than to be counted and executed. */
  private async answerKnown(known: KnownRequest, reply: FastifyReply, context: HttpContext): Promise<FastifyReply> {
    const { schema, admission, log } = this.dependencies;
    const { document, operationName, variables: variableValues } = known;
    reply.header('content-type', known.contentType);
    try {
      if (context.principal) {
        context.answer.counted = true;
        await admission.admit(context.principal, document, operationName, variableValues, (window) => {
          context.answer.window = window;
        });
      }
    } catch (error) {
      context.answer.counted = !isTooLarge(error);
      return this.refuseCounted(reply, error, context);
    }
    const { requestId } = context;
    let result: ExecutionResult;
    try {
      result = await execute({ schema, document, operationName, variableValues, contextValue: context });
    } catch (error) {
      return this.refuseCounted(reply, error, context);
    }
    const { data } = result;
    const errors = result.errors?.map((error) => maskError(error, requestId, log));
    // Without data nothing was executed: the variables are not of their types.
    const status = errors ? (wholeRequestStatus(data, errors) ?? (data === undefined ? 400 : 200)) : 200;
    this.writeHeaders(reply, context);
    return reply.code(status).send(`${JSON.stringify({ errors, data, extensions: { requestId } })}\n`);
  }

  private async refuseCounted(reply: FastifyReply, error: unknown, context: HttpContext): Promise<FastifyReply> {
    if (context.principal) {
      if (!context.answer.counted) await this.countRefused(context);
      this.writeHeaders(reply, context);
    }
    return this.refuse(reply, error, context.requestId);
  }

  /** Refuses the whole request before any of it was read as GraphQL. */
  refuse(reply: FastifyReply, error: unknown, requestId: string): FastifyReply {
    const masked = maskError(error, requestId, this.dependencies.log);
    const code = String(masked.extensions?.code);
    const retryAfter = masked.extensions?.retryAfterSeconds;
    if (typeof retryAfter === 'number') reply.header('retry-after', String(retryAfter));
    // The next request on this connection would meet the same server.
    if (this.dependencies.intake.isShut) reply.header('connection', 'close');
    if (!reply.hasHeader('content-type')) reply.header('content-type', 'application/json; charset=utf-8');
    return reply
      .code(HTTP_STATUS[code] ?? 400)
      .header('cache-control', 'no-store')
      .send(`${JSON.stringify({ errors: [masked], extensions: { requestId } })}\n`);
  }

  /** Before Apollo validates: comparing the fields of an enormous document costs more than it is worth. */
  private checkSize(body: unknown): void {
    const source = (body as { query?: unknown } | null | undefined)?.query;
    if (typeof source !== 'string' || this.known.has(source)) return;
    try {
      checkDocumentLimits(parseDocument(source));
    } catch (error) {
      // Not GraphQL: Apollo says so in its own words.
      if (error instanceof AppError) throw error;
    }
  }

  /** A document that was refused before it could run counts as any other request; the refusal stands as it is. */
  private async countRefused(context: HttpContext): Promise<void> {
    try {
      await this.dependencies.admission.admitOther(context.principal!, (window) => {
        context.answer.window = window;
      });
    } catch {
      // Over the limit, or not to be counted now: nothing was run either way.
    }
  }

  private writeHeaders(reply: FastifyReply, context: HttpContext): void {
    reply.header('cache-control', 'no-store');
    if (!context.principal) return;
    const limits = rateLimitHeaders(context.answer.window);
    for (const name in limits) reply.header(name, limits[name]);
    const { inputTokens, totalTokens, audioMilliseconds } = context.tally;
    reply.header('x-usage-input-tokens', String(inputTokens));
    reply.header('x-usage-output-seconds', String(audioMilliseconds / 1000));
    reply.header('x-usage-total-tokens', String(totalTokens));
  }

  private plugin(): ApolloServerPlugin<HttpContext> {
    const { admission, log } = this.dependencies;
    const { known } = this;
    return {
      requestDidStart: async () => ({
        async didResolveOperation({ contextValue, document, operationName, request, source }) {
          known.learnDocument(source, document);
          if (!contextValue.principal) return;
          contextValue.answer.counted = true;
          try {
            await admission.admit(contextValue.principal, document, operationName, request.variables, (window) => {
              contextValue.answer.window = window;
            });
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            // Refused for its size, before anything was counted.
            if (isTooLarge(error)) contextValue.answer.counted = false;
            const headers = new HeaderMap();
            if (typeof error.fields.retryAfterSeconds === 'number')
              headers.set('retry-after', String(error.fields.retryAfterSeconds));
            throw requestRefusal(error, headers);
          }
        },
        async willSendResponse({ contextValue, response, errors }) {
          if (response.body.kind !== 'single') return;
          const { singleResult } = response.body;
          const { requestId } = contextValue;
          if (singleResult.errors && errors) {
            singleResult.errors = errors.map((error) => maskError(error, requestId, log));
            const status = wholeRequestStatus(singleResult.data, singleResult.errors);
            if (status) response.http.status = status;
          }
          singleResult.extensions = { ...singleResult.extensions, requestId };
          contextValue.answer.complete = true;
        },
      }),
    };
  }
}

const isTooLarge = (error: unknown): boolean => error instanceof AppError && error.code === 'QUERY_TOO_LARGE';

/** Faults of the request's form, and an `accept` that nothing fulfils, are answered by Apollo itself, without a context. */
function withRequestId(body: string, requestId: string): string {
  const answer = JSON.parse(body) as { errors?: { extensions?: object }[]; extensions?: object };
  const errors = answer.errors?.map((error) => ({ ...error, extensions: { ...error.extensions, requestId } }));
  return JSON.stringify({ ...answer, ...(errors && { errors }), extensions: { ...answer.extensions, requestId } });
}

/** Where the only thing that was asked is refused for the caller's credential or for want of the database, HTTP says so too. */
function wholeRequestStatus(data: unknown, errors: readonly GraphQLFormattedError[]): number | null {
  const nothing = data == null || Object.values(data as Record<string, unknown>).every((value) => value === null);
  const code = errors[0]?.extensions?.code;
  if (!nothing || !errors.every((error) => error.extensions?.code === code)) return null;
  return code === 'UNAUTHENTICATED' ? 401 : code === 'UNAVAILABLE' ? 503 : null;
}
