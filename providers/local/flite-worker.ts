/** A compiled module; opaque here. Node's types leave WebAssembly to the DOM library. */
export type WasmModule = object;

/** One run of the command: its arguments after the program's name; the file it writes is `OUTPUT_FILE`. */
export interface FliteJob {
  readonly args: readonly string[];
}

export type FliteReply =
  | { readonly ok: true; readonly file: Uint8Array }
  /** `reason` is for the log: it may hold words of the text. */
  | { readonly ok: false; readonly reason: string };

/** Name of the only file a run can open; the worker keeps it in memory. */
export const OUTPUT_FILE = 'speech.wav';

/**
 * What the worker thread runs: it takes one FliteJob after the other and answers each with a FliteReply.
 *
 * The command is a WASI program. Its 13 imports are answered here from memory: no file, no clock, no environment, no
 * descriptor of the host is within its reach, and nothing has to be cleaned up after it. Each run is a new instance of
 * the module, so a run that traps leaves nothing behind.
 *
 * Only the source text of this function is sent to the thread, which works alike from any build and from a test runner
 * that compiles in memory. So it must not use anything declared outside of it, types apart.
 */
/* istanbul ignore next: counters of a coverage tool would be such outside names */
function fliteWorker(): void {
  const { parentPort, workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { Instance } = (globalThis as unknown as { WebAssembly: WasmInterface }).WebAssembly;

  interface WasmExports {
    readonly memory: { readonly buffer: ArrayBuffer };
    _start(): void;
  }
  interface WasmInterface {
    readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: WasmExports };
  }

  // https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
  const SUCCESS = 0;
  const BAD_DESCRIPTOR = 8;
  const ILLEGAL_SEEK = 70;
  const CHARACTER_DEVICE = 2;
  const DIRECTORY = 3;
  const REGULAR_FILE = 4;
  const ALL_RIGHTS = (1n << 30n) - 1n;
  /** Descriptors 0, 1 and 2 are the standard streams. */
  const ROOT = 3;
  const OUTPUT = 4;
  const DIAGNOSTICS_LENGTH_MAX = 500;

  class Exit extends Error {
    constructor(readonly code: number) {
      super(`exit code ${code}`);
    }
  }

  class OutputFile {
    private bytes = new Uint8Array(1 << 18);
    private size = 0;
    private position = 0;

    write(source: Uint8Array): void {
      const end = this.position + source.length;
      if (end > this.bytes.length) {
        const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
        grown.set(this.bytes.subarray(0, this.size));
        this.bytes = grown;
      }
      this.bytes.set(source, this.position);
      this.position = end;
      this.size = Math.max(this.size, end);
    }

    /** Whence: 0 the start, 1 here, 2 the end. Returns the new position, or null where there is none. */
    seek(offset: number, whence: number): number | null {
      const target = [0, this.position, this.size].at(whence)! + offset;
      if (!(target >= 0)) return null;
      this.position = target;
      return target;
    }

    content(): Uint8Array<ArrayBuffer> {
      return this.bytes.slice(0, this.size);
    }
  }

  function run(job: FliteJob): Uint8Array<ArrayBuffer> {
    const args = ['flite', ...job.args].map((arg) => new TextEncoder().encode(`${arg}\0`));
    const output = new OutputFile();
    let diagnostics = '';
    let program: WasmExports | null = null;
    // Never kept: the memory moves when it grows.
    const memory = (): Uint8Array => new Uint8Array(program!.memory.buffer);
    const view = (): DataView => new DataView(program!.memory.buffer);

    const imports = {
      args_sizes_get(countAt: number, sizeAt: number): number {
        view().setUint32(countAt, args.length, true);
        view().setUint32(
          sizeAt,
          args.reduce((sum, arg) => sum + arg.length, 0),
          true,
        );
        return SUCCESS;
      },
      args_get(pointersAt: number, bytesAt: number): number {
        let at = bytesAt;
        for (const [index, arg] of args.entries()) {
          view().setUint32(pointersAt + 4 * index, at, true);
          memory().set(arg, at);
          at += arg.length;
        }
        return SUCCESS;
      },
      // Time stands still, so that the same words always give the same bytes.
      clock_time_get(_clock: number, _precision: bigint, timeAt: number): number {
        view().setBigUint64(timeAt, 0n, true);
        return SUCCESS;
      },
      fd_close: (): number => SUCCESS,
      fd_fdstat_get(descriptor: number, statAt: number): number {
        if (descriptor > OUTPUT) return BAD_DESCRIPTOR;
        const type = descriptor === ROOT ? DIRECTORY : descriptor === OUTPUT ? REGULAR_FILE : CHARACTER_DEVICE;
        view().setUint8(statAt, type);
        view().setUint16(statAt + 2, 0, true);
        view().setBigUint64(statAt + 8, ALL_RIGHTS, true);
        view().setBigUint64(statAt + 16, ALL_RIGHTS, true);
        return SUCCESS;
      },
      fd_fdstat_set_flags: (): number => SUCCESS,
      // The only directory that is open from the start is named "."; its name is one byte long.
      fd_prestat_get(descriptor: number, prestatAt: number): number {
        if (descriptor !== ROOT) return BAD_DESCRIPTOR;
        view().setUint8(prestatAt, 0);
        view().setUint32(prestatAt + 4, 1, true);
        return SUCCESS;
      },
      fd_prestat_dir_name(_descriptor: number, nameAt: number): number {
        memory()[nameAt] = '.'.charCodeAt(0);
        return SUCCESS;
      },
      // Standard input is at its end; the output is never read back.
      fd_read(_descriptor: number, _vectorsAt: number, _count: number, readAt: number): number {
        view().setUint32(readAt, 0, true);
        return SUCCESS;
      },
      fd_seek(descriptor: number, offset: bigint, whence: number, positionAt: number): number {
        const position = descriptor === OUTPUT ? output.seek(Number(offset), whence) : null;
        if (position === null) return ILLEGAL_SEEK;
        view().setBigUint64(positionAt, BigInt(position), true);
        return SUCCESS;
      },
      fd_write(descriptor: number, vectorsAt: number, count: number, writtenAt: number): number {
        let written = 0;
        for (let index = 0; index < count; index++) {
          const at = view().getUint32(vectorsAt + 8 * index, true);
          const length = view().getUint32(vectorsAt + 8 * index + 4, true);
          const bytes = memory().subarray(at, at + length);
          if (descriptor === OUTPUT) output.write(bytes);
          else if (diagnostics.length < DIAGNOSTICS_LENGTH_MAX) diagnostics += new TextDecoder().decode(bytes);
          written += length;
        }
        view().setUint32(writtenAt, written, true);
        return SUCCESS;
      },
      // Any name opens the one file there is.
      path_open(...args: unknown[]): number {
        const descriptorAt = args[8] as number;
        output.seek(0, 0);
        view().setUint32(descriptorAt, OUTPUT, true);
        return SUCCESS;
      },
      proc_exit(code: number): never {
        throw new Exit(code);
      },
    };
    try {
      program = new Instance(workerData as WasmModule, { wasi_snapshot_preview1: imports }).exports;
      program._start();
    } catch (error) {
      if (!(error instanceof Exit) || error.code !== 0) {
        throw new Error(`${String(error)}: ${diagnostics.slice(0, DIAGNOSTICS_LENGTH_MAX)}`);
      }
    }
    return output.content();
  }

  parentPort!.on('message', (job: FliteJob) => {
    let reply: FliteReply;
    try {
      const file = run(job);
      reply = { ok: true, file };
      parentPort!.postMessage(reply, [file.buffer]);
    } catch (error) {
      reply = { ok: false, reason: String(error) };
      parentPort!.postMessage(reply);
    }
  });
}

/** The worker as a script, for `new Worker(source, { eval: true, workerData: module })`. */
export const FLITE_WORKER_SOURCE = `'use strict';(${fliteWorker.toString()})();`;
