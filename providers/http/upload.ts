import { RecordingSourceError } from '../contract/errors';
import type { BytesSource } from '../contract/provider';

/** What an upload tells whoever watches its time. */
export interface UploadWatcher {
  /** The connection has asked for a piece, or was given one. */
  readonly moved: () => void;
  /** All of it has been handed over. */
  readonly ended: () => void;
  readonly failed: (error: RecordingSourceError) => unknown;
}

/**
 * A body on its way: reads its source as fast as the connection takes it, holds one piece at a time, and makes sure that
 * exactly the promised number of bytes is sent. `stop` ends it at once, even while the source is being waited for.
 */
export class Upload implements AsyncIterableIterator<Uint8Array> {
  private readonly source: AsyncIterator<Uint8Array>;
  private sentBytes = 0;
  private stopped = false;
  private endWaiting: (() => void) | null = null;

  constructor(
    private readonly body: BytesSource,
    private readonly watcher: UploadWatcher,
  ) {
    this.source = body.open()[Symbol.asyncIterator]();
  }

  /** The connection waits for the source, not the other way round. */
  get waitsForSource(): boolean {
    return this.endWaiting !== null;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.stopped) throw new StoppedUpload();
    this.watcher.moved();
    const piece = await this.nextPiece();
    if (piece === null) {
      if (this.sentBytes < this.body.sizeBytes) throw this.fail('ended before its length');
      this.watcher.ended();
      return { done: true, value: undefined };
    }
    this.sentBytes += piece.length;
    if (this.sentBytes > this.body.sizeBytes) throw this.fail('is longer than it was said to be');
    this.watcher.moved();
    return { done: false, value: piece };
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Nothing more is sent, and the source is told to let go; a source that fails then is of no interest. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.endWaiting?.();
    Promise.resolve(this.source.return?.()).catch(() => undefined);
  }

  /** The next piece with something in it; null at the end. */
  private async nextPiece(): Promise<Uint8Array | null> {
    for (;;) {
      let result: IteratorResult<Uint8Array> | 'stopped';
      try {
        result = await new Promise<IteratorResult<Uint8Array> | 'stopped'>((resolve, reject) => {
          this.endWaiting = () => resolve('stopped');
          this.source.next().then(resolve, reject);
        });
      } catch (error) {
        throw this.stopped ? new StoppedUpload() : this.fail('could not be read', error);
      } finally {
        this.endWaiting = null;
      }
      if (result === 'stopped' || this.stopped) throw new StoppedUpload();
      if (result.done) return null;
      if (result.value.length > 0) return result.value;
    }
  }

  private fail(what: string, cause?: unknown): RecordingSourceError {
    const error = new RecordingSourceError(`What was to be sent ${what}.`, cause);
    this.stop();
    this.watcher.failed(error);
    return error;
  }
}

/** Ends the writing of a body that nobody waits for any more. */
class StoppedUpload extends Error {
  constructor() {
    super('The upload was stopped.');
    this.name = 'StoppedUpload';
  }
}
