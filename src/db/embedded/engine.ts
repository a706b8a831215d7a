import { rmSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../lib/clock';
import type { DatabaseLog } from '../database-log';
import { startThread } from './start-thread';

export type EngineJob =
  | { readonly kind: 'create'; readonly directory: string }
  | { readonly kind: 'serve'; readonly directory: string; readonly socketPath: string };

export type EngineReport =
  | { readonly kind: 'ready' | 'done' }
  | { readonly kind: 'failed' | 'upkeep-failed'; readonly reason: string };

const RESTART_FIRST_MS = 200;
const RESTART_LONGEST_MS = 10_000;

/** Makes a new cluster in a thread that ends afterwards and gives its memory (about 700 MB) back. */
export async function createClusterInThread(directory: string): Promise<void> {
  const worker = startThread('engine-worker', { job: { kind: 'create', directory } satisfies EngineJob });
  await nextReport(worker);
}

/** The engine's thread and its keeper: when the engine dies (a full disk, a fault in it) it is started again. */
export class Engine {
  private worker: Worker | null = null;
  private closing = false;
  private failures = 0;
  private cancelRestart: () => void = () => {};
  private restarting: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly socketPath: string,
    private readonly log: DatabaseLog,
    private readonly clock: Clock,
  ) {}

  /** Resolves when statements are answered; rejects with the engine's own words when it cannot start. */
  async start(): Promise<void> {
    // Only the owner of the data directory gets here, so the socket of an earlier life is nobody's.
    rmSync(this.socketPath, { force: true });
    const job: EngineJob = { kind: 'serve', directory: this.directory, socketPath: this.socketPath };
    const worker = startThread('engine-worker', { job });
    await nextReport(worker);
    this.worker = worker;
    this.failures = 0;
    let reason = 'it ended without a word';
    worker.on('message', (report: EngineReport) => {
      if (report.kind === 'failed') reason = report.reason;
      if (report.kind === 'upkeep-failed') this.log.warn({ reason: report.reason }, 'embedded database upkeep failed');
    });
    worker.on('error', (error) => {
      reason = error.message;
    });
    worker.on('exit', () => {
      if (this.closing) return;
      this.worker = null;
      this.restart(reason);
    });
  }

  /** Ends every connection, writes a checkpoint and stops. */
  async close(): Promise<void> {
    this.closing = true;
    this.cancelRestart();
    await this.restarting;
    const worker = this.worker;
    this.worker = null;
    if (!worker) return;
    worker.postMessage('close');
    await nextReport(worker).catch((error: Error) => {
      // Nothing committed is lost: the next start recovers, as it does after a crash.
      this.log.warn({ reason: error.message }, 'embedded database did not stop cleanly');
    });
    rmSync(this.socketPath, { force: true });
  }

  private restart(reason: string): void {
    const delayMs = Math.min(RESTART_FIRST_MS * 2 ** this.failures, RESTART_LONGEST_MS);
    this.failures += 1;
    this.log.error({ reason, delayMs }, 'embedded database stopped; it is started again');
    this.cancelRestart = this.clock.schedule(() => {
      this.restarting = this.start().catch((error: Error) => {
        if (!this.closing) this.restart(error.message);
      });
    }, delayMs);
  }
}

/** The next 'ready' or 'done'. */
function nextReport(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      // The thread may still be on its way out; its 'error' must not become an uncaught exception.
      if (error) worker.on('error', () => {});
      if (error) reject(error);
      else resolve();
    };
    const onMessage = (report: EngineReport): void => {
      if (report.kind === 'failed') settle(new Error(report.reason));
      else if (report.kind !== 'upkeep-failed') settle();
    };
    const onError = (error: Error): void => settle(error);
    const onExit = (code: number): void => settle(new Error(`The embedded database's thread ended with code ${code}.`));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
