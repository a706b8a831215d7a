const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** So many months after a moment, by a table of months and on the written date alone; a day that a month lacks is its last. */
export function monthsAfter(moment: number, months: number): number {
  const [date, time] = new Date(moment).toISOString().split('T') as [string, string];
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const count = year * 12 + (month - 1) + months;
  const [toYear, toMonth] = [Math.floor(count / 12), count % 12];
  const last = toMonth === 1 && isLeap(toYear) ? 29 : LENGTHS[toMonth]!;
  const two = (value: number): string => String(value).padStart(2, '0');
  return Date.parse(`${toYear}-${two(toMonth + 1)}-${two(Math.min(day, last))}T${time}`);
}
