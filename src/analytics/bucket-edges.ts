import type { ClockSpan, ZoneClock } from './zone-clock';

export type BucketWidth = 'HOUR' | 'DAY';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Longer than any day of the clocks with the one that a zone skips when it crosses the date line. */
const LEAD_MS = 3 * DAY_MS;

/**
 * Where buckets begin and end: the last edge at or before `startMs`, then each one, up to the first at or after `endMs`.
 * Milliseconds since 1970; `startMs < endMs`.
 *
 * A day begins at the first moment that bears its date, so that it has 23 or 25 hours where the clocks are set, begins at
 * 01:00 where they skip midnight, and once where midnight comes twice. A date that a zone skipped has no bucket.
 * An hour begins whenever the clocks show a full hour, twice where they are set back over one, or are set past one; where
 * they are set back into the middle of the hour that they show, that hour goes on.
 */
export function bucketEdges(zone: ZoneClock, width: BucketWidth, startMs: number, endMs: number): number[] {
  const edges = width === 'DAY' ? dayEdges(zone, startMs, endMs) : hourEdges(zone, startMs, endMs);
  const first = edges.findLastIndex((edge) => edge <= startMs);
  const last = edges.findIndex((edge) => edge >= endMs);
  if (first < 0 || last < 0) throw new Error(`The edges of ${zone.name} do not reach around what was asked for.`);
  return edges.slice(first, last + 1);
}

function dayEdges(zone: ZoneClock, startMs: number, endMs: number): number[] {
  const edges: number[] = [];
  /** The latest date that has begun, in days since 1970. */
  let latest: number | null = null;
  for (const span of zone.spans(startMs - LEAD_MS, endMs + LEAD_MS)) {
    const shown = Math.floor((span.startMs + span.offsetMs) / DAY_MS);
    // The clocks were set past midnight, so the day begins at that moment.
    if (latest !== null && shown > latest) edges.push(span.startMs);
    latest = Math.max(latest ?? shown, shown);
    for (let edge = edgeAfter(latest, span); edge < span.endMs; edge = edgeAfter(latest, span)) {
      edges.push(edge);
      latest += 1;
    }
  }
  return edges;
}

/** Where the date after `day` begins, by the clocks of this span. */
const edgeAfter = (day: number, { offsetMs }: ClockSpan): number => (day + 1) * DAY_MS - offsetMs;

function hourEdges(zone: ZoneClock, startMs: number, endMs: number): number[] {
  const edges: number[] = [];
  let shown: number | null = null;
  for (const { startMs: from, endMs: to, offsetMs } of zone.spans(startMs - LEAD_MS, endMs + LEAD_MS)) {
    const hour = Math.floor((from + offsetMs) / HOUR_MS);
    const full = hour * HOUR_MS - offsetMs === from;
    if (full || (shown !== null && shown !== hour)) edges.push(from);
    for (let edge = (hour + 1) * HOUR_MS - offsetMs; edge < to; edge += HOUR_MS) edges.push(edge);
    shown = Math.floor((to - 1 + offsetMs) / HOUR_MS);
  }
  return edges;
}
