import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { ProviderError, RecordingSourceError } from '../contract/errors';
import type { BytesSource, ResponseHeaders } from '../contract/provider';
import { cancelled, firstHeader, type ProviderIdentity, rejected, timedOut, unavailable } from './provider-failures';
import { transportFailure } from './transport-failure';
import { Upload, type UploadWatcher } from './upload';

export interface ExchangeLimits {
  /** Milliseconds from the call to the first byte of the body; connecting is part of it, sending an upload is not. */
  readonly firstByteTimeoutMs: number;
  /** Milliseconds between two pieces of the body, counted while its reader waits, and of an upload while it is sent. */
  readonly idleTimeoutMs: number;
  /** A body larger than this is refused. */
  readonly bytesMax: number;
}

/** Bytes that may wait for a slow consumer before the provider is held back. */
const QUEUED_BYTES_MAX = 256 * 1024;

type Waiter = { resolve(result: IteratorResult<Uint8Array>): void; reject(error: Error): void };

const DONE: IteratorResult<Uint8Array> = { done: true, value: undefined };

/**
 * One HTTP request and its answer, from dispatch to the last byte, with the limits kept. It is the handler of an undici
 * dispatcher and the iterator of the body in one object: on a relay that serves thousands of calls a second the layers
 * of streams in between are most of the cost.
 *
 * The body has one reader. Leaving the loop, the signal, a limit and a fault all destroy the upstream connection at once;
 * an answer that has arrived in full keeps it alive for the next request.
 */
export class Exchange implements Dispatcher.DispatchHandler, AsyncIterableIterator<Uint8Array> {
  status = 0;
  headers: ResponseHeaders = {};
  /**
   * True once the first byte of a promised answer is here; false as soon as the headers say that it is another answer.
   * Rejects with ProviderError when neither comes, with RecordingSourceError when an upload's source fails. An empty promised
   * answer is UNAVAILABLE.
   */
  readonly started: Promise<boolean>;

  private resolveStarted!: (promised: boolean) => void;
  private rejectStarted!: (error: Error) => void;
  private controller: Dispatcher.DispatchController | null = null;
  private readonly queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private receivedBytes = 0;
  private paused = false;
  private waiter: Waiter | null = null;
  private refused = false;
  private complete = false;
  private failure: Error | null = null;
  private left = false;
  private timer: NodeJS.Timeout | undefined;
  private upload: Upload | null = null;
  /** The timer is that of the upload. */
  private uploading = false;

  constructor(
    private readonly who: ProviderIdentity,
    private readonly limits: ExchangeLimits,
    private readonly signal: AbortSignal,
    private readonly isPromised: (status: number, headers: ResponseHeaders) => boolean,
  ) {
    this.started = new Promise((resolve, reject) => {
      this.resolveStarted = resolve;
      this.rejectStarted = reject;
    });
  }

  /** Sends the request, with `body` read while it is sent. Failures arrive through `started`; nothing is thrown. */
  send(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, body: BytesSource | null = null): Promise<boolean> {
    if (this.signal.aborted) {
      this.fail(cancelled(this.who, this.signal.reason));
      return this.started;
    }
    this.signal.addEventListener('abort', this.onAbort, { once: true });
    this.timer = setTimeout(this.onTimeout, this.limits.firstByteTimeoutMs);
    try {
      this.upload = body === null ? null : new Upload(body, this.watchUpload());
    } catch (error) {
      this.fail(new RecordingSourceError('What was to be sent could not be opened.', error));
      return this.started;
    }
    try {
      const sent = this.upload === null ? options : { ...options, body: this.upload as unknown as Readable };
      dispatcher.dispatch({ ...sent, headersTimeout: 0, bodyTimeout: 0 }, this);
    } catch (error) {
      this.onResponseError(null, error as Error);
    }
    return this.started;
  }

  // -- the dispatcher's side

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Cancelled while the connection was being made: undici drops a request that is aborted here, unsent.
    if (this.failure !== null || this.left) controller.abort(this.failure ?? cancelled(this.who));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (this.failure !== null || this.left) return;
    this.status = status;
    this.headers = headers;
    if (!this.isPromised(status, headers)) {
      this.refused = true;
      this.resolveStarted(false);
      return;
    }
    const declaredLength = Number(firstHeader(headers, 'content-length'));
    if (declaredLength > this.limits.bytesMax) this.fail(this.tooLarge());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.failure !== null || this.left || chunk.length === 0) return;
    const first = this.receivedBytes === 0;
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.limits.bytesMax) {
      this.fail(this.tooLarge());
      return;
    }
    if (this.waiter !== null) {
      const { resolve } = this.waiter;
      this.waiter = null;
      resolve({ done: false, value: chunk });
    } else {
      this.queue.push(chunk);
      this.queuedBytes += chunk.length;
      if (this.queuedBytes > QUEUED_BYTES_MAX) {
        this.paused = true;
        controller.pause();
      }
    }
    if (first) this.resolveStarted(true);
    if (this.refused) return; // A refusal's body gets no more time: its first-byte timer runs on, whatever trickles in.
    this.uploading = false;
    if (first || this.paused) this.stopTimer();
    else this.timer?.refresh();
  }

  onResponseEnd(): void {
    if (this.failure !== null || this.left) return;
    this.complete = true;
    this.stopListening();
    if (this.receivedBytes === 0) {
      this.failure = unavailable(this.who, 'answered with an empty body', undefined, this.status);
      this.rejectStarted(this.failure);
    }
    if (this.waiter !== null) {
      const { resolve, reject } = this.waiter;
      this.waiter = null;
      if (this.failure === null) resolve(DONE);
      else reject(this.failure);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.failure !== null || this.left || this.complete) return;
    this.fail(transportFailure(this.who, error, this.status, this.receivedBytes > 0 || this.status > 0));
  }

  // -- the reader's side

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.queue.shift();
    if (chunk !== undefined) {
      this.queuedBytes -= chunk.length;
      if (this.paused && this.queuedBytes <= QUEUED_BYTES_MAX / 2) {
        this.paused = false;
        this.controller?.resume();
      }
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.left) return Promise.resolve(DONE);
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.complete) return Promise.resolve(DONE);
    if (this.waiter !== null) return Promise.reject(new TypeError('The body of an answer has one reader.'));
    // Only a reader that waits starts the idle timer: a small answer that came in one piece never needs it.
    this.timer ??= setTimeout(this.onTimeout, this.limits.idleTimeoutMs);
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.leave();
    return Promise.resolve(DONE);
  }

  /**
   * Reads what is left, up to `bytesMax` and `timeoutMs`, for an answer whose body only explains a refusal: one that is
   * too long, late or cut short is returned as far as it came. Fails only when the call is cancelled.
   */
  async drain(bytesMax: number, timeoutMs: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    const timer = setTimeout(() => this.leave(), timeoutMs);
    try {
      for await (const chunk of this) {
        pieces.push(chunk);
        bytes += chunk.length;
        if (bytes >= bytesMax) break;
      }
    } catch (error) {
      if (this.failure instanceof ProviderError && this.failure.kind === 'CANCELLED') throw error;
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(pieces).subarray(0, bytesMax);
  }

  /** Ends the exchange on the reader's behalf; the connection is destroyed unless the answer has arrived in full. */
  private leave(): void {
    if (this.left) return;
    this.left = true;
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.stopListening();
    this.waiter?.resolve(DONE);
    this.waiter = null;
    if (!this.complete && this.failure === null) this.controller?.abort(cancelled(this.who));
  }

  // -- limits and faults

  private readonly onAbort = (): void => {
    // What has been queued is of no use to a caller that has gone.
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.fail(cancelled(this.who, this.signal.reason));
  };

  private readonly onTimeout = (): void => {
    const { firstByteTimeoutMs, idleTimeoutMs } = this.limits;
    if (this.uploading && this.upload?.waitsForSource === true) {
      this.fail(new RecordingSourceError(`What was to be sent could not be read for ${idleTimeoutMs} ms.`));
      return;
    }
    let what = `stopped in the middle of its answer for ${idleTimeoutMs} ms`;
    if (this.uploading) what = `took nothing of what it was sent for ${idleTimeoutMs} ms`;
    else if (this.receivedBytes === 0) what = `sent nothing within ${firstByteTimeoutMs} ms`;
    this.fail(timedOut(this.who, what));
  };

  /** What is sent has its own time until the answer begins: as long as it moves, it may take as long as it needs. */
  private watchUpload(): UploadWatcher {
    return {
      moved: () => this.restartTimer(this.limits.idleTimeoutMs, true),
      ended: () => this.restartTimer(this.limits.firstByteTimeoutMs, false),
      // A refusal that is being read explains more than the upload that it has made needless.
      failed: (error) => this.awaitsAnswer() && this.fail(error),
    };
  }

  private awaitsAnswer(): boolean {
    return this.failure === null && !this.left && !this.complete && !this.refused && this.receivedBytes === 0;
  }

  private restartTimer(milliseconds: number, uploading: boolean): void {
    if (!this.awaitsAnswer()) return;
    const runs = uploading && this.uploading;
    this.uploading = uploading;
    if (runs) this.timer?.refresh();
    else {
      clearTimeout(this.timer);
      this.timer = setTimeout(this.onTimeout, milliseconds);
    }
  }

  private fail(error: Error): void {
    this.failure = error;
    this.stopListening();
    this.rejectStarted(error);
    this.waiter?.reject(error);
    this.waiter = null;
    this.controller?.abort(error);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private stopListening(): void {
    this.stopTimer();
    this.upload?.stop();
    this.signal.removeEventListener('abort', this.onAbort);
  }

  private tooLarge(): ProviderError {
    return rejected(this.who, `answered with more than the ${this.limits.bytesMax} bytes that are taken`, this.status);
  }
}
