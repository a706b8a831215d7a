import cors from '@fastify/cors';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import type { AudioAccess } from '../operations/speech/audio-access';
import type { UploadOperations } from '../operations/upload-operations';
import type { UsageExports } from '../operations/usage/usage-exports';
import { registerAudioRoute } from './audio-route';
import { registerExportRoute } from './export-route';
import { registerGraphiqlRoute } from './graphiql-route';
import type { GraphqlHttp } from './graphql-http';
import { type HealthDependencies, registerHealthRoutes } from './health-routes';
import type { Intake } from './intake';
import { registerStripeWebhookRoute, type StripeEventReceiver } from './stripe-webhook-route';
import { registerUploadRoute } from './upload-route';

/** Largest body of a request: 6 MiB of audio in base64, or 100,000 characters of speech, with room for several fields. */
export const BODY_BYTES_MAX = 9 * 1_048_576;

export interface HttpServerDependencies {
  readonly graphql: GraphqlHttp;
  readonly audio: AudioAccess;
  readonly uploads: UploadOperations;
  readonly exports: UsageExports;
  readonly intake: Intake;
  readonly health: HealthDependencies;
  /** null: Stripe is not configured. */
  readonly stripeEvents: StripeEventReceiver | null;
  readonly log: Logger;
  /** Web origins that may call; null: any. */
  readonly corsOrigins: readonly string[] | null;
  readonly keyHeaders: readonly string[];
}

const EXPOSED = [
  'x-request-id',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-usage-input-tokens',
  'x-usage-output-seconds',
  'x-usage-total-tokens',
  'retry-after',
  'content-range',
  'content-disposition',
];

/** The HTTP surface, without GraphQL over WebSocket, which attaches to the same server. */
export async function buildHttpServer(dependencies: HttpServerDependencies): Promise<FastifyInstance> {
  const { graphql, log } = dependencies;
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    logger: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: 65_000,
  });
  await app.register(cors, {
    origin: dependencies.corsOrigins ? [...dependencies.corsOrigins] : true,
    credentials: false,
    methods: ['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'range',
      'apollo-require-preflight',
      'x-apollo-operation-name',
      ...dependencies.keyHeaders,
    ],
    exposedHeaders: EXPOSED,
    maxAge: 86_400,
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const requestId = newId();
    reply.header('x-request-id', requestId);
    return graphql.refuse(reply, asRefusal(error, request.method), requestId);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'There is nothing here. GraphQL is at /graphql, its editor at /graphiql.' }),
  );
  graphql.register(app);
  registerAudioRoute(app, dependencies.audio, log);
  await registerUploadRoute(app, dependencies);
  registerExportRoute(app, dependencies.exports, log);
  registerGraphiqlRoute(app);
  await registerStripeWebhookRoute(app, dependencies.stripeEvents, log);
  registerHealthRoutes(app, dependencies.health);
  return app;
}

/** Faults of the request itself, as Fastify finds them before any route runs. */
function asRefusal(error: FastifyError, method: string): unknown {
  if (error.statusCode === 413) {
    return new AppError('PAYLOAD_TOO_LARGE', `A request takes at most ${BODY_BYTES_MAX} bytes; send it in parts.`, {
      limit: BODY_BYTES_MAX,
    });
  }
  if (error.statusCode === 415) return new AppError('BAD_REQUEST', `${method} /graphql takes application/json.`);
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new AppError(
      'BAD_REQUEST',
      'The request could not be read; it takes one JSON object with "query" and, where needed, "variables".',
    );
  }
  return error;
}
