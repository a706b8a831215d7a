import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { AudioAccess } from '../operations/speech/audio-access';
import { describe } from './error-masking';
import { beginRawAnswer } from './raw-answer';

interface AudioRequest {
  Params: { id: string };
  Querystring: { expires?: string; signature?: string };
}

/** GET /audio/:id — signed, expiring; ranges once it is finished, live while it is being made. */
export function registerAudioRoute(app: FastifyInstance, access: AudioAccess, log: Logger): void {
  // HEAD has a route of its own: the one that comes with GET would say that there are 0 bytes.
  const handler = async (request: FastifyRequest<AudioRequest>, reply: FastifyReply): Promise<FastifyReply> => {
    const { expires, signature } = request.query;
    const opened = await access.open(request.params.id, String(expires ?? ''), String(signature ?? ''));
    reply.headers({
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'cross-origin',
    });
    if (!opened) {
      return reply.code(404).type('application/json').send({
        error: 'There is no audio under this address, or its time is over; ask speech(id) for a fresh one.',
      });
    }
    reply.type(opened.contentType);
    if (opened.kind === 'stored') return sendStored(request, reply, opened.audio);
    if (request.method === 'HEAD') return reply.code(200).send();
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    const raw = beginRawAnswer(reply);
    try {
      await pipeline(Readable.from(opened.chunks(left.signal), { objectMode: true, highWaterMark: 1 }), raw);
    } catch (error) {
      // The speech broke, or the listener left: a body that ends without its end is how HTTP says so.
      if (!left.signal.aborted) log.debug({ err: describe(error) }, 'a live audio answer was cut');
      raw.destroy();
    }
    return reply;
  };
  app.route<AudioRequest>({ method: ['GET', 'HEAD'], url: '/audio/:id', exposeHeadRoute: false, handler });
}

function sendStored(
  request: FastifyRequest,
  reply: FastifyReply,
  audio: { readonly sizeBytes: number; stream(range?: { start: number; end: number }): Readable },
): FastifyReply {
  reply.header('accept-ranges', 'bytes');
  const range = readRange(request.headers.range, audio.sizeBytes);
  if (range === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${audio.sizeBytes}`).send();
  }
  const { start, end } = range ?? { start: 0, end: audio.sizeBytes - 1 };
  reply.header('content-length', end - start + 1);
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${audio.sizeBytes}`);
  return request.method === 'HEAD' ? reply.send() : reply.send(audio.stream({ start, end }));
}

/** One byte range (RFC 9110); several, or another unit, are answered with the whole. */
export function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = header ? /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) : null;
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const count = Number(match[2]);
    return count === 0 ? 'unsatisfiable' : { start: Math.max(0, size - count), end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= size ? 'unsatisfiable' : { start, end };
}
