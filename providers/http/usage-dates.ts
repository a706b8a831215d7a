import type { UsageSpan } from '../contract/usage';

const DAY_MS = 86_400_000;

/** YYYY-MM-DD of a moment, in UTC. */
export const dateOf = (moment: Date | number): string => new Date(moment).toISOString().slice(0, 10);

/** The UTC day of a moment as a provider writes it. Throws TypeError where it is none. */
export function dateTold(value: unknown): string {
  const moment = typeof value === 'number' ? value * 1_000 : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  // Dates far beyond the calendar have no text.
  if (!(Math.abs(moment) < 8.64e15)) throw new TypeError('a date is missing');
  return dateOf(moment);
}

/** A moment, in milliseconds since 1970. Throws TypeError where it is none. */
export function momentTold(value: unknown): number {
  const moment = typeof value === 'number' ? value * 1_000 : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isFinite(moment)) throw new TypeError('a moment is missing');
  return moment;
}

/** A count: a number, or text that is one. Throws TypeError where it is none. */
export function countTold(value: unknown): number {
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof count !== 'number' || !Number.isFinite(count) || count < 0) throw new TypeError('a count is missing');
  return count;
}

/** The sum of counts that a provider may leave out where they are zero. */
export const countsTold = (...values: readonly unknown[]): number =>
  values.reduce<number>((sum, value) => sum + (value === undefined || value === null ? 0 : countTold(value)), 0);

export const isWithin = ({ start, end }: UsageSpan, date: string): boolean =>
  date >= dateOf(start) && date < dateOf(end);

/** The end of a span a day later, for providers whose documents leave open whether the last day is part of the answer. */
export const dayAfter = ({ end }: UsageSpan): Date => new Date(end.getTime() + DAY_MS);

/** The day after a date. */
export const nextDate = (date: string): string => dateOf(Date.parse(date) + DAY_MS);

/** The first of the month after the month of a date. */
export const nextMonth = (date: string): string =>
  dateOf(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 1));
