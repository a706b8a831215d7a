import { performance } from 'node:perf_hooks';
import { percentile } from './figures';
import { timeFirstChunks } from './first-chunks';
import { answerCommands } from './helper-process';
import { KeepAliveCaller, rawRequest } from './keep-alive-caller';

/** The same request, sent by a number of callers for a time. */
export interface LoadOrder {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly callers: number;
  readonly milliseconds: number;
  /** Answers whose body lacks this are failures. */
  readonly expect: string;
}

export interface LoadReport {
  readonly answers: number;
  readonly perSecond: number;
  /** Latencies, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const origin = new URL(order.origin);
  const request = rawRequest(origin, order.path, order.headers, order.body);
  const callers = Array.from({ length: order.callers }, () => new KeepAliveCaller(origin, request));
  await Promise.all(callers.map((caller) => caller.open()));
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + order.milliseconds;
  let last = began;
  try {
    await Promise.all(
      callers.map(async (caller) => {
        for (let now = performance.now(); now < until; ) {
          const status = await caller.call();
          const then = now;
          now = performance.now();
          if (status !== 200 || !caller.body.includes(order.expect)) {
            throw new Error(`a call was answered ${status}: ${caller.body.toString('utf8', 0, 1_000)}`);
          }
          latencies.push(now - then);
          last = Math.max(last, now);
        }
      }),
    );
  } finally {
    for (const caller of callers) caller.close();
  }
  return {
    answers: latencies.length,
    perSecond: latencies.length / ((last - began) / 1_000),
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
  };
}

answerCommands({ run, timeFirstChunks });
