import fc from 'fast-check';
import { invoiceLines } from '../../src/billing/invoice-lines';
import { calendarOf, endBy, periodStart, proratedShare, startBy } from '../../src/billing/periods';
import { roundToCent } from '../../src/lib/cents';
import { monthsAfter } from './support/calendar-oracle';

const utc = (text: string): Date => new Date(text);

it.each([
  ['2027-01-31T10:00:00Z', ['2027-02-28T10:00:00Z', '2027-03-31T10:00:00Z', '2027-04-30T10:00:00Z']],
  ['2028-01-31T00:00:00Z', ['2028-02-29T00:00:00Z', '2028-03-31T00:00:00Z', '2028-04-30T00:00:00Z']],
  ['2027-01-30T00:00:00Z', ['2027-02-28T00:00:00Z', '2027-03-30T00:00:00Z', '2027-04-30T00:00:00Z']],
  ['2028-01-29T23:59:59.999Z', ['2028-02-29T23:59:59.999Z', '2028-03-29T23:59:59.999Z', '2028-04-29T23:59:59.999Z']],
  ['2028-02-29T12:00:00Z', ['2028-03-29T12:00:00Z', '2028-04-29T12:00:00Z', '2028-05-29T12:00:00Z']],
  ['2027-12-31T23:00:00Z', ['2028-01-31T23:00:00Z', '2028-02-29T23:00:00Z', '2028-03-31T23:00:00Z']],
])('periods from %s begin on its day, or on the last one of a month that lacks it', (anchor, starts) => {
  expect([1, 2, 3].map((number) => periodStart(utc(anchor), number))).toEqual(starts.map(utc));
});

it('the 29th of February is met again after four years', () => {
  expect(periodStart(utc('2028-02-29T00:00:00Z'), 12)).toEqual(utc('2029-02-28T00:00:00Z'));
  expect(periodStart(utc('2028-02-29T00:00:00Z'), 48)).toEqual(utc('2032-02-29T00:00:00Z'));
});

it('periods are those of a table of months, follow each other, and do not ask where the server stands', () => {
  const moments = fc.integer({ min: Date.parse('2020-01-01T00:00:00Z'), max: Date.parse('2060-01-01T00:00:00Z') });
  fc.assert(
    fc.property(moments, fc.integer({ min: 0, max: 60 }), (anchor, number) => {
      const start = periodStart(new Date(anchor), number);
      expect(start.getTime()).toBe(monthsAfter(anchor, number));
      // Whoever sees one period of it alone finds the same calendar.
      const end = periodStart(new Date(anchor), number + 1);
      const calendar = calendarOf(7, start, end);
      expect(startBy(calendar, 8)).toEqual(end);
      expect(endBy(calendar, 8)).toEqual(periodStart(new Date(anchor), number + 2));
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  [150_000n, '2027-04-01', '2027-05-01', '2027-04-16', 75_000n],
  [150_000n, '2027-04-01', '2027-05-01', '2027-04-01', 150_000n],
  [150_000n, '2027-04-01', '2027-05-01', '2027-05-01', 0n],
  [150_000n, '2027-04-01', '2027-05-01', '2027-06-01', 0n],
  [100n, '2028-02-01', '2028-03-01', '2028-02-29', 3n],
])('%s for [%s, %s) from %s on are %s', (amount, start, end, now, share) => {
  expect(proratedShare(amount, utc(start), utc(end), utc(now))).toBe(share);
});

it.each([
  [49_999_999n, 0n],
  [50_000_000n, 100_000_000n],
  [149_999_999n, 100_000_000n],
  [150_000_000n, 200_000_000n],
])('%s of 10^-10 dollars are %s in whole cents', (amount, rounded) => {
  expect(roundToCent(amount)).toBe(rounded);
});

it('a fraction is rounded once: a third of a cent and a half is no half of a cent first', () => {
  expect(roundToCent(149_999_999n * 3n + 2n, 3n)).toBe(100_000_000n);
  expect(roundToCent(150_000_000n * 3n, 3n)).toBe(200_000_000n);
});

it('a period without charges and overage has no lines', () => {
  expect(invoiceLines([], [{ rate: 8, credits: 0n }])).toEqual([]);
});
