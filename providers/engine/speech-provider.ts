import { NO_CREDENTIAL } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { EngineSpeechAdapter, SpeakOptions, SpeechCall, SpeechProvider } from '../contract/tts';
import { cancelled, type ProviderIdentity, rejected, timedOut, unavailable } from '../http/provider-failures';

/**
 * Turns an engine that runs beside us into a provider, with the guarantees of one over HTTP: `speak` resolves with the first
 * audio, pieces are never empty, limits of size and time hold, and leaving the loop or the signal ends the synthesis.
 */
export function engineSpeechProvider(adapter: EngineSpeechAdapter): SpeechProvider {
  return {
    declaration: adapter,
    configured: true,
    platformCredential: NO_CREDENTIAL,
    async speak(call, options) {
      const audio = new EngineAudio(adapter, call, options);
      await audio.start();
      return { upstreamRequestId: null, billedUnits: null, chunks: audio };
    },
    async listVoices(_credential, signal) {
      if (signal.aborted) throw cancelled(adapter, signal.reason);
      try {
        return await adapter.voices();
      } catch (error) {
        throw asProviderError(adapter, error);
      }
    },
    close: () => adapter.close(),
  };
}

function asProviderError(who: ProviderIdentity, error: unknown): ProviderError {
  return error instanceof ProviderError ? error : unavailable(who, 'failed while it was speaking', error);
}

/** One synthesis, pulled piece by piece. An engine that ignores its signal is no longer waited for. */
class EngineAudio implements AsyncIterableIterator<Uint8Array> {
  private readonly stop = new AbortController();
  private source: AsyncIterator<Uint8Array> | null = null;
  private first: Uint8Array | null = null;
  private bytes = 0;
  private ended = false;
  private failure: ProviderError | null = null;

  constructor(
    private readonly adapter: EngineSpeechAdapter,
    private readonly call: SpeechCall,
    private readonly options: SpeakOptions,
  ) {}

  async start(): Promise<void> {
    const { signal, firstByteTimeoutMs } = this.options;
    if (signal.aborted) throw this.end(cancelled(this.adapter, signal.reason));
    signal.addEventListener('abort', this.onAbort, { once: true });
    try {
      this.source = this.adapter.synthesize(this.call, this.stop.signal)[Symbol.asyncIterator]();
    } catch (error) {
      throw this.end(asProviderError(this.adapter, error));
    }
    const piece = await this.pull(firstByteTimeoutMs, `made no sound within ${firstByteTimeoutMs} ms`);
    if (piece === null) throw this.end(unavailable(this.adapter, 'made no sound'));
    this.first = piece;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.failure !== null) throw this.failure;
    if (this.first !== null) {
      const value = this.first;
      this.first = null;
      return { done: false, value };
    }
    if (this.ended) return { done: true, value: undefined };
    const { idleTimeoutMs } = this.options;
    const piece = await this.pull(idleTimeoutMs, `stopped in the middle of its answer for ${idleTimeoutMs} ms`);
    return piece === null ? { done: true, value: undefined } : { done: false, value: piece };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.first = null;
    if (!this.ended) this.end(null);
    return { done: true, value: undefined };
  }

  /** The next piece that is not empty; null at the end. */
  private async pull(timeoutMs: number, late: string): Promise<Uint8Array | null> {
    for (;;) {
      let result: IteratorResult<Uint8Array>;
      try {
        result = await this.within(timeoutMs, late);
      } catch (error) {
        throw this.end(asProviderError(this.adapter, error));
      }
      if (this.failure !== null) throw this.failure;
      if (result.done === true || this.ended) {
        this.ended = true;
        this.options.signal.removeEventListener('abort', this.onAbort);
        return null;
      }
      this.bytes += result.value.length;
      if (this.bytes > this.options.bytesMax) {
        throw this.end(rejected(this.adapter, `made more than the ${this.options.bytesMax} bytes that are taken`));
      }
      if (result.value.length > 0) return result.value;
    }
  }

  private within(timeoutMs: number, late: string): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(timedOut(this.adapter, late)), timeoutMs);
      const onStop = (): void => {
        clearTimeout(timer);
        if (this.failure === null) resolve({ done: true, value: undefined });
        else reject(this.failure);
      };
      this.stop.signal.addEventListener('abort', onStop, { once: true });
      const settled = (): void => {
        clearTimeout(timer);
        this.stop.signal.removeEventListener('abort', onStop);
      };
      this.source!.next().then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    });
  }

  private readonly onAbort = (): void => {
    this.first = null;
    this.end(cancelled(this.adapter, this.options.signal.reason));
  };

  /** Ends the synthesis, once; later ends keep the first reason. */
  private end(failure: ProviderError | null): ProviderError {
    if (!this.ended) {
      this.ended = true;
      this.failure = failure;
      this.options.signal.removeEventListener('abort', this.onAbort);
      this.stop.abort();
      // Not awaited: a generator that is in the middle of a piece answers when that piece is done.
      this.source?.return?.().catch(() => undefined);
    }
    return this.failure ?? failure ?? cancelled(this.adapter);
  }
}
