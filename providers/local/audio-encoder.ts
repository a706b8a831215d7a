import { encodeMulaw } from '../audio/mulaw';
import { wavHeader } from '../audio/wav-header';
import type { AudioFormat } from '../contract/audio';
import { Resampler } from './resampler';

const CHANNELS = 1;

/** Makes one file of a format out of the samples of a stream; the pieces it returns, put together, are the file. */
export class AudioEncoder {
  private readonly resampler: Resampler | null;
  private opening: Uint8Array;

  /** @param format WAV (sizes left open, for a stream of unknown length), PCM (16-bit little-endian) or MULAW */
  constructor(
    private readonly format: AudioFormat,
    fromRate: number,
    toRate: number,
  ) {
    this.resampler = fromRate === toRate ? null : new Resampler(fromRate, toRate);
    this.opening = format === 'WAV' ? wavHeader(toRate, CHANNELS, null) : new Uint8Array(0);
  }

  /** Whether `push` costs more than a copy. */
  get resamples(): boolean {
    return this.resampler !== null;
  }

  /** May return nothing yet. The header comes with the first samples. */
  push(samples: Int16Array): Uint8Array {
    return this.encode(this.resampler?.push(samples) ?? samples);
  }

  /** The rest of the file. */
  flush(): Uint8Array {
    return this.encode(this.resampler?.flush() ?? new Int16Array(0));
  }

  private encode(samples: Int16Array): Uint8Array {
    if (samples.length === 0) return new Uint8Array(0);
    const linear = new Uint8Array(samples.length * 2);
    const view = new DataView(linear.buffer);
    for (let index = 0; index < samples.length; index++) view.setInt16(2 * index, samples[index]!, true);
    const body = this.format === 'MULAW' ? encodeMulaw(linear) : linear;
    if (this.opening.length === 0) return body;
    const first = new Uint8Array(this.opening.length + body.length);
    first.set(this.opening);
    first.set(body, this.opening.length);
    this.opening = new Uint8Array(0);
    return first;
  }
}
