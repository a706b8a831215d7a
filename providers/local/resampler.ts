/** Zero crossings of the filter on each side. */
const CROSSINGS = 16;
/** Part of the band that is kept whole; the rest is the slope of the filter, which would otherwise fold back. */
const PASS_BAND = 0.93;
/** Shape of the Kaiser window: about 80 dB of rejection. */
const KAISER_BETA = 8;

/** Weights of the input samples around each of the places between two of them where an output sample can lie. */
interface Filter {
  /** Output and input rate without their common divisor: `up` outputs for `down` inputs. */
  readonly up: number;
  readonly down: number;
  /** Input samples on each side. */
  readonly reach: number;
  /** `up` rows of 2 * reach weights. */
  readonly weights: Float64Array;
}

const filters = new Map<string, Filter>();

/**
 * Band-limited change of the sample rate of a stream: pieces of any size go in, and what comes out is the same as for the
 * whole at once. The result has ceil(samples * to / from) samples. A table of weights for each pair of rates keeps it at
 * a few milliseconds of one core for a second of speech.
 */
export class Resampler {
  private readonly filter: Filter;
  /** Input that is still needed; starts with the silence before the first sample. */
  private pending: Float64Array;
  /** Index in the input of the first pending sample. */
  private pendingFrom: number;
  private taken = 0;
  private given = 0;

  /** Rates in hertz, whole numbers. */
  constructor(fromRate: number, toRate: number) {
    this.filter = filterFor(fromRate, toRate);
    this.pending = new Float64Array(this.filter.reach);
    this.pendingFrom = -this.filter.reach;
  }

  push(samples: Int16Array): Int16Array {
    this.taken += samples.length;
    this.append(samples);
    // An output needs `reach` samples after its place.
    return this.take(Math.floor(((this.taken - this.filter.reach) * this.filter.up) / this.filter.down));
  }

  /** What the last samples give with silence after them. Nothing may be pushed afterwards. */
  flush(): Int16Array {
    this.append(new Int16Array(this.filter.reach + 1));
    return this.take(Math.ceil((this.taken * this.filter.up) / this.filter.down));
  }

  private append(samples: Int16Array): void {
    const joined = new Float64Array(this.pending.length + samples.length);
    joined.set(this.pending);
    joined.set(samples, this.pending.length);
    this.pending = joined;
  }

  /** The outputs before number `end`. */
  private take(end: number): Int16Array {
    const { up, down, reach, weights } = this.filter;
    const output = new Int16Array(Math.max(0, end - this.given));
    for (let index = 0; index < output.length; index++) {
      const position = (this.given + index) * down;
      const from = Math.floor(position / up) - reach + 1 - this.pendingFrom;
      const row = (position % up) * 2 * reach;
      let sum = 0;
      for (let tap = 0; tap < 2 * reach; tap++) sum += weights[row + tap]! * this.pending[from + tap]!;
      output[index] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
    this.given += output.length;
    const keepFrom = Math.floor((this.given * down) / up) - reach + 1;
    if (keepFrom > this.pendingFrom) {
      this.pending = this.pending.slice(keepFrom - this.pendingFrom);
      this.pendingFrom = keepFrom;
    }
    return output;
  }
}

function filterFor(fromRate: number, toRate: number): Filter {
  const key = `${fromRate}:${toRate}`;
  let filter = filters.get(key);
  if (filter === undefined) {
    filter = makeFilter(fromRate, toRate);
    filters.set(key, filter);
  }
  return filter;
}

function makeFilter(fromRate: number, toRate: number): Filter {
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const [up, down] = [toRate / divisor, fromRate / divisor];
  // Down: the filter is stretched, so that it also removes what the lower rate cannot hold.
  const cutoff = PASS_BAND * Math.min(1, up / down);
  const reach = Math.ceil(CROSSINGS / cutoff);
  const weights = new Float64Array(up * 2 * reach);
  for (let phase = 0; phase < up; phase++) {
    const row = weights.subarray(phase * 2 * reach, (phase + 1) * 2 * reach);
    for (let tap = 0; tap < row.length; tap++) row[tap] = weight((tap - reach + 1 - phase / up) * cutoff);
    // Each row sums to one, so that silence with an offset stays what it is.
    const sum = row.reduce((total, value) => total + value, 0);
    for (let tap = 0; tap < row.length; tap++) row[tap]! /= sum;
  }
  return { up, down, reach, weights };
}

/** Windowed sinc; `x` in zero crossings. */
function weight(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= CROSSINGS) return 0;
  const window = besselI0(KAISER_BETA * Math.sqrt(1 - (x / CROSSINGS) ** 2)) / besselI0(KAISER_BETA);
  return (window * Math.sin(Math.PI * x)) / (Math.PI * x);
}

/** Modified Bessel function of the first kind and order zero, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
