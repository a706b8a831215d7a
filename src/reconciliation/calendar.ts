import type { UsageSpan } from '../../providers/contract/usage';

export type Step = 'DAY' | 'MONTH';

export const DAY_MS = 86_400_000;

/** Whole UTC days or months. */
export interface ComparedSpan extends UsageSpan {
  readonly step: Step;
  /** The first day of each step, YYYY-MM-DD, in order. */
  readonly dates: readonly string[];
}

export const dateText = (moment: number): string => new Date(moment).toISOString().slice(0, 10);

/** The date under which a moment is counted: its UTC day, or the first of its month. */
export const dateOfStep = (moment: number, step: Step): string =>
  step === 'DAY' ? dateText(moment) : `${dateText(moment).slice(0, 7)}-01`;

const startOfDay = (moment: number): number => Math.floor(moment / DAY_MS) * DAY_MS;

/**
 * The whole days, or months, that a span touches, up to the one that `now` is in. null where there is none: the span lies in
 * the future.
 */
export function comparedSpan(start: Date, end: Date, step: Step, now: number): ComparedSpan | null {
  const last = Math.min(end.getTime() - 1, now);
  if (start.getTime() > last) return null;
  const dates: string[] = [];
  let at = step === 'DAY' ? startOfDay(start.getTime()) : Date.parse(dateOfStep(start.getTime(), step));
  const first = at;
  while (at <= last) {
    dates.push(dateText(at));
    at = stepAfter(at, step);
  }
  return { step, start: new Date(first), end: new Date(at), dates };
}

/** The beginning of the next step, from the beginning of one. */
export function stepAfter(start: number, step: Step): number {
  if (step === 'DAY') return start + DAY_MS;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
