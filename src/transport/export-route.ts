import { once } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AppError } from '../lib/errors';
import type { OpenedExport, UsageExports } from '../operations/usage/usage-exports';
import { describe } from './error-masking';
import { beginRawAnswer } from './raw-answer';

interface ExportRequest {
  Params: { id: string };
  Querystring: { expires?: string; signature?: string };
}

/** A reader who takes nothing for so long has gone. Milliseconds. */
const STALLED_MS = 120_000;

/** GET /exports/:id — signed, expiring; rows are read from the database as fast as the reader takes them. */
export function registerExportRoute(app: FastifyInstance, exports: UsageExports, log: Logger): void {
  const handler = async (request: FastifyRequest<ExportRequest>, reply: FastifyReply): Promise<FastifyReply> => {
    const { expires, signature } = request.query;
    reply.headers({
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'cross-origin',
    });
    try {
      const opened = await exports.open(request.params.id, String(expires ?? ''), String(signature ?? ''));
      if (!opened) {
        return reply.code(404).type('application/json').send({
          error: 'There is no export under this address, or its time is over; ask createUsageExport for another.',
        });
      }
      reply.type(opened.contentType).header('content-disposition', `attachment; filename="${opened.fileName}"`);
      if (request.method === 'HEAD') return reply.code(200).send();
      return await send(opened, reply);
    } catch (error) {
      log.error({ err: describe(error) }, 'an export could not be begun');
      const unavailable = error instanceof AppError && error.code === 'UNAVAILABLE';
      return reply
        .code(unavailable ? 503 : 500)
        .removeHeader('content-disposition')
        .type('application/json')
        .send({ error: 'The export could not be read; try again shortly.' });
    }
  };
  app.route<ExportRequest>({ method: ['GET', 'HEAD'], url: '/exports/:id', exposeHeadRoute: false, handler });

  async function send(opened: OpenedExport, reply: FastifyReply): Promise<FastifyReply> {
    const chunks = opened.chunks();
    // What fails at once is still answered with a status of its own.
    let next = await chunks.next();
    const left = new AbortController();
    const raw = beginRawAnswer(reply);
    raw.once('close', () => left.abort());
    raw.setTimeout(STALLED_MS, () => raw.destroy());
    try {
      for (; !next.done; next = await chunks.next()) {
        if (left.signal.aborted) break;
        if (next.value !== '' && !raw.write(next.value)) await once(raw, 'drain', { signal: left.signal });
      }
      raw.end();
    } catch (error) {
      if (!left.signal.aborted) log.error({ err: describe(error) }, 'an export broke off');
      // A reset, as a mere end would look like the end of the list to a reader without chunks.
      if (raw.socket) raw.socket.resetAndDestroy();
      else raw.destroy();
    } finally {
      await chunks.return();
    }
    return reply;
  }
}
