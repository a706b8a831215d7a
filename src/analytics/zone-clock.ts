/** Longest name of a zone is 30 characters or so. */
const NAME_MAX = 64;
/** Formats that are kept; each takes some 10 kB, and there are some 600 zones. */
const KEPT_MAX = 100;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** A span of time in which the clocks of a zone run on: `offsetMs` is what they are ahead of UTC. */
export interface ClockSpan {
  /** Milliseconds since 1970, the first of the span and the first after it. */
  readonly startMs: number;
  readonly endMs: number;
  readonly offsetMs: number;
}

/**
 * The clock of an IANA time zone, as the process knows it: no database's own data of zones, which may be older or newer,
 * has a say in where a day begins.
 */
export class ZoneClock {
  private constructor(
    /** One spelling of the zone; aliases and letter case are gone. */
    readonly name: string,
    private readonly format: Intl.DateTimeFormat,
  ) {}

  private static readonly kept = new Map<string, ZoneClock>();

  /** null: there is no such zone. Offsets such as "+05:30" are no zones. */
  static find(name: string): ZoneClock | null {
    const known = ZoneClock.kept.get(name);
    if (known) return known;
    if (name.length > NAME_MAX || !/^[A-Za-z]/.test(name)) return null;
    let format: Intl.DateTimeFormat;
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: name, year: 'numeric', timeZoneName: 'longOffset' });
    } catch {
      return null;
    }
    const clock = new ZoneClock(format.resolvedOptions().timeZone, format);
    if (ZoneClock.kept.size >= KEPT_MAX) ZoneClock.kept.delete(ZoneClock.kept.keys().next().value!);
    ZoneClock.kept.set(name, clock);
    return clock;
  }

  /** Milliseconds that the zone's clocks are ahead of UTC at a moment; negative west of Greenwich. */
  offsetAt(ms: number): number {
    const parts = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.format.format(ms));
    if (!parts) throw new Error(`The offset of ${this.name} cannot be read.`);
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = parts;
    const size = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * SECOND_MS;
    return sign === '-' ? -size : size;
  }

  /**
   * The spans from `startMs` to `endMs`, each next to the other, cut wherever the clocks are set. One look a day finds
   * them all: no zone sets its clocks and takes it back within a day.
   */
  spans(startMs: number, endMs: number): ClockSpan[] {
    const spans: ClockSpan[] = [];
    let spanStart = startMs;
    let offset = this.offsetAt(startMs);
    for (let at = startMs; at < endMs; ) {
      const next = Math.min(at + DAY_MS, endMs);
      const nextOffset = this.offsetAt(next);
      if (nextOffset !== offset) {
        const change = this.changeBetween(at, next, offset);
        spans.push({ startMs: spanStart, endMs: change, offsetMs: offset });
        [spanStart, offset] = [change, nextOffset];
      }
      at = next;
    }
    if (spanStart < endMs) spans.push({ startMs: spanStart, endMs, offsetMs: offset });
    return spans;
  }

  /** The first moment after `low` at which the offset is no longer `offset`; clocks are set on a whole second. */
  private changeBetween(low: number, high: number, offset: number): number {
    let [before, after] = [Math.floor(low / SECOND_MS), Math.ceil(high / SECOND_MS)];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.offsetAt(middle * SECOND_MS) === offset) before = middle;
      else after = middle;
    }
    return after * SECOND_MS;
  }
}
