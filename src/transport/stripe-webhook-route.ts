import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { AppError } from '../lib/errors';
import { describe } from './error-masking';

/** Whoever takes the events; it verifies the body as it came, byte by byte. */
export interface StripeEventReceiver {
  receive(body: Buffer, signature: string | undefined): Promise<'handled' | 'ignored' | 'known' | 'forged'>;
}

/** Stripe's largest events are some 100 kB. */
const BODY_BYTES_MAX = 512 * 1024;

/**
 * POST /webhooks/stripe. 200: the event is done with; 400: nobody we know has signed it; 503 and 500: it has to come
 * again, as Stripe does by itself for days. 404 where Stripe is not configured.
 */
export async function registerStripeWebhookRoute(
  app: FastifyInstance,
  receiver: StripeEventReceiver | null,
  log: Logger,
): Promise<void> {
  // A scope of its own, so that this parser is for this route alone: the signature is of the bytes, not of what they say.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error: { statusCode?: number }, _request, reply) =>
      reply
        .code(error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500)
        .send({ error: 'The event could not be read.' }),
    );
    scope.post('/webhooks/stripe', { bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
      if (!receiver) return reply.code(404).send({ error: 'Stripe is not configured on this server.' });
      const signature = request.headers['stripe-signature'];
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      try {
        const outcome = await receiver.receive(body, typeof signature === 'string' ? signature : undefined);
        if (outcome !== 'forged') return reply.code(200).send({ received: true });
        log.warn({}, 'an event for Stripe without a valid signature was refused');
        return reply.code(400).send({ error: 'The signature is not valid.' });
      } catch (error) {
        log.error({ err: describe(error) }, 'an event of Stripe could not be handled and has to come again');
        const away = error instanceof AppError && error.code === 'UNAVAILABLE';
        return reply.code(away ? 503 : 500).send({ error: 'The event could not be handled; send it again.' });
      }
    });
  });
}
