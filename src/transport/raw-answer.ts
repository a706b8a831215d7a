import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Takes an answer out of Fastify's hands, with the headers that it has by now, and sends its head at once. */
export function beginRawAnswer(reply: FastifyReply): ServerResponse {
  const headers: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value;
  reply.hijack();
  reply.raw.writeHead(200, headers);
  reply.raw.flushHeaders();
  return reply.raw;
}
