import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface HealthDependencies {
  /** Each answers or throws; the name tells an operator what is amiss. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly metrics: Registry;
  readonly isStopping: () => boolean;
}

const CHECK_MS = 3_000;

/** GET /healthz (the process is alive), /readyz (it can serve), /metrics (Prometheus text). */
export function registerHealthRoutes(app: FastifyInstance, { checks, metrics, isStopping }: HealthDependencies): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const results: Record<string, string> = {};
    if (isStopping()) results.server = 'stopping';
    await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        results[name] = await within(CHECK_MS, check()).then(
          () => 'ok',
          () => 'unavailable',
        );
      }),
    );
    const ready = Object.values(results).every((result) => result === 'ok');
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks: results });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
