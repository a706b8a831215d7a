import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AppError, type ErrorCode } from '../lib/errors';
import type { UploadOperations } from '../operations/upload-operations';
import { describe } from './error-masking';
import type { Intake } from './intake';

interface UploadRequest {
  Params: { id: string };
  Querystring: { expires?: string; signature?: string };
  Body: IncomingMessage | undefined;
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  NOT_FOUND: 404,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED: 415,
  BAD_USER_INPUT: 400,
  UNAVAILABLE: 503,
};

/** PUT /uploads/:id — signed, expiring; the body goes to the disk as it comes and is never held in memory. */
export async function registerUploadRoute(
  app: FastifyInstance,
  { uploads, intake, log }: { readonly uploads: UploadOperations; readonly intake: Intake; readonly log: Logger },
): Promise<void> {
  await app.register(async (scope) => {
    // Whatever type it is, the bytes are read by whoever stores them, who has the limit that was declared for them.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.put<UploadRequest>('/uploads/:id', { bodyLimit: Number.MAX_SAFE_INTEGER }, (request, reply) =>
      intake.during(() => receive(request, reply)),
    );
  });

  async function receive(request: FastifyRequest<UploadRequest>, reply: FastifyReply): Promise<FastifyReply> {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    const { expires, signature } = request.query;
    const length = request.headers['content-length'];
    try {
      intake.check();
      await uploads.receive({
        id: request.params.id,
        expires: String(expires ?? ''),
        signature: String(signature ?? ''),
        contentType: request.headers['content-type'] ?? '',
        contentLength: length === undefined ? null : Number(length),
        body: request.body ?? request.raw,
      });
      return reply.code(204).send();
    } catch (error) {
      return refuse(reply, error);
    }
  }

  function refuse(reply: FastifyReply, error: unknown): FastifyReply {
    const known = error instanceof AppError ? STATUS[error.code] : undefined;
    if (known === undefined) log.error({ err: describe(error) }, 'an upload could not be stored');
    // What is left of the body is not waited for.
    reply.header('connection', 'close');
    const body =
      known === undefined
        ? { error: 'The upload could not be stored; try again.', code: 'INTERNAL_SERVER_ERROR' }
        : { error: (error as AppError).message, ...(error as AppError).fields, code: (error as AppError).code };
    return reply
      .code(known ?? 500)
      .type('application/json')
      .send(body);
  }
}
