/** Attempts that are remembered; more say nothing new. */
const KEPT = 200;
/** With fewer, nothing can be said. */
const LEAST = 5;
/** What was measured longer ago is forgotten: a provider that was slow then may be fast now. */
const FRESH_MS = 600_000;
/** A percentile is worked out again after so many new attempts, or when it is this old. */
const RECOUNT_AFTER = 20;
const RECOUNT_MS = 10_000;

interface Summary {
  /** 0 to 1; null: too few to tell. */
  readonly errorRate: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const NOTHING: Summary = { errorRate: null, p50Ms: null, p95Ms: null };

/** The last attempts at something: how many failed, and how long the others took until their first byte. */
export class RecentAttempts {
  /** Milliseconds; negative for a failure. Grows to KEPT and then goes round. */
  private readonly latencies: number[] = [];
  private readonly times: number[] = [];
  private next = 0;
  private sinceSummary = RECOUNT_AFTER;
  private summarizedAt = 0;
  private summary = NOTHING;

  answered(now: number, latencyMs: number): void {
    this.add(now, latencyMs);
  }

  failed(now: number): void {
    this.add(now, -1);
  }

  /** The newest answer was none after all. */
  broke(now: number): void {
    const newest = (this.next + this.latencies.length - 1) % Math.max(1, this.latencies.length);
    if ((this.latencies[newest] ?? -1) >= 0) this.latencies[newest] = -1;
    else this.failed(now);
  }

  summarize(now: number): Summary {
    if (this.latencies.length === 0) return NOTHING;
    if (this.sinceSummary < RECOUNT_AFTER && now - this.summarizedAt < RECOUNT_MS) return this.summary;
    this.sinceSummary = 0;
    this.summarizedAt = now;
    this.summary = this.count(now);
    return this.summary;
  }

  private add(now: number, latency: number): void {
    this.latencies[this.next] = latency;
    this.times[this.next] = now;
    this.next = (this.next + 1) % KEPT;
    // Few attempts change much each: their summary is not kept.
    this.sinceSummary += this.latencies.length < RECOUNT_AFTER ? RECOUNT_AFTER : 1;
  }

  private count(now: number): Summary {
    const fresh = this.latencies.filter((_, index) => now - this.times[index]! <= FRESH_MS);
    if (fresh.length < LEAST) return NOTHING;
    const served = fresh.filter((latency) => latency >= 0).sort((a, b) => a - b);
    const at = (share: number): number | null =>
      served.length < LEAST ? null : served[Math.min(served.length - 1, Math.floor(served.length * share))]!;
    return { errorRate: (fresh.length - served.length) / fresh.length, p50Ms: at(0.5), p95Ms: at(0.95) };
  }
}
