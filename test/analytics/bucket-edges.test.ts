import fc from 'fast-check';
import { type BucketWidth, bucketEdges } from '../../src/analytics/bucket-edges';
import { ZoneClock } from '../../src/analytics/zone-clock';
import { describeOnPostgres, openTestDatabase, type TestDatabase } from '../support/database';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const zoneOf = (name: string): ZoneClock => ZoneClock.find(name)!;
const edgesOf = (zone: string, width: BucketWidth, start: string, end: string): string[] =>
  bucketEdges(zoneOf(zone), width, Date.parse(start), Date.parse(end)).map((edge) => new Date(edge).toISOString());

describe('a zone', () => {
  it.each([
    'UTC',
    'Asia/Kolkata',
    'America/St_Johns',
    'Pacific/Apia',
    'america/new_york',
    'Etc/GMT+5',
    'Asia/Calcutta',
  ])('%s is known', (name) => expect(ZoneClock.find(name)).not.toBeNull());

  it.each([
    ['nothing', ''],
    ['a place without a zone', 'Mars/Olympus'],
    ['an offset', '+05:30'],
    ['an offset without minutes', '-03'],
    ['UTC with an offset', 'UTC+1'],
    ['half a name', 'Europe'],
    ['a path', '../etc/passwd'],
    ['a name with NUL', 'Europe/Berlin\0'],
    ['10 kB', 'a'.repeat(10_000)],
  ])('%s is none', (_what, name) => expect(ZoneClock.find(name)).toBeNull());
});

describe('buckets', () => {
  it.each<[string, string, BucketWidth, string, string, readonly string[]]>([
    [
      'start and end are moved outward to edges',
      'Asia/Kolkata',
      'DAY',
      '2025-05-01T12:00:00Z',
      '2025-05-02T12:00:00Z',
      ['2025-04-30T18:30:00.000Z', '2025-05-01T18:30:00.000Z', '2025-05-02T18:30:00.000Z'],
    ],
    [
      'edges that are asked for stay',
      'UTC',
      'DAY',
      '2025-05-01T00:00:00Z',
      '2025-05-02T00:00:00Z',
      ['2025-05-01T00:00:00.000Z', '2025-05-02T00:00:00.000Z'],
    ],
    [
      'the day on which the clocks are set forward has 23 hours',
      'America/New_York',
      'DAY',
      '2025-03-09T12:00:00Z',
      '2025-03-09T13:00:00Z',
      ['2025-03-09T05:00:00.000Z', '2025-03-10T04:00:00.000Z'],
    ],
    [
      'the day on which they are set back has 25',
      'America/New_York',
      'DAY',
      '2025-11-02T12:00:00Z',
      '2025-11-02T13:00:00Z',
      ['2025-11-02T04:00:00.000Z', '2025-11-03T05:00:00.000Z'],
    ],
    [
      'a day whose midnight is skipped begins at 01:00',
      'Asia/Beirut',
      'DAY',
      '2025-03-29T12:00:00Z',
      '2025-03-30T12:00:00Z',
      ['2025-03-28T22:00:00.000Z', '2025-03-29T22:00:00.000Z', '2025-03-30T21:00:00.000Z'],
    ],
    [
      'a day whose midnight comes twice begins at the first',
      'America/Havana',
      'DAY',
      '2025-11-01T12:00:00Z',
      '2025-11-02T12:00:00Z',
      ['2025-11-01T04:00:00.000Z', '2025-11-02T04:00:00.000Z', '2025-11-03T05:00:00.000Z'],
    ],
    [
      'a day on which the clocks go back over midnight is one day',
      'America/Santiago',
      'DAY',
      '2025-04-05T12:00:00Z',
      '2025-04-06T12:00:00Z',
      ['2025-04-05T03:00:00.000Z', '2025-04-06T04:00:00.000Z', '2025-04-07T04:00:00.000Z'],
    ],
    [
      'a date that the zone skipped has no bucket',
      'Pacific/Apia',
      'DAY',
      '2011-12-30T09:00:00Z',
      '2011-12-30T11:00:00Z',
      ['2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z', '2011-12-31T10:00:00.000Z'],
    ],
    [
      'an hour that comes twice is two',
      'America/New_York',
      'HOUR',
      '2025-11-02T05:00:00Z',
      '2025-11-02T07:00:00Z',
      ['2025-11-02T05:00:00.000Z', '2025-11-02T06:00:00.000Z', '2025-11-02T07:00:00.000Z'],
    ],
    [
      'hours of a zone with half an hour begin on the half',
      'America/St_Johns',
      'HOUR',
      '2025-05-01T12:00:00Z',
      '2025-05-01T13:00:00Z',
      ['2025-05-01T11:30:00.000Z', '2025-05-01T12:30:00.000Z', '2025-05-01T13:30:00.000Z'],
    ],
    [
      'an hour into which the clocks go back by half an hour goes on',
      'Australia/Lord_Howe',
      'HOUR',
      '2025-04-05T14:00:00Z',
      '2025-04-05T16:00:00Z',
      ['2025-04-05T14:00:00.000Z', '2025-04-05T15:30:00.000Z', '2025-04-05T16:30:00.000Z'],
    ],
    [
      'and one into which they go forward is half an hour',
      'Australia/Lord_Howe',
      'HOUR',
      '2025-10-04T15:00:00Z',
      '2025-10-04T16:30:00Z',
      ['2025-10-04T14:30:00.000Z', '2025-10-04T15:30:00.000Z', '2025-10-04T16:00:00.000Z', '2025-10-04T17:00:00.000Z'],
    ],
  ])('%s (%s, %s)', (_what, zone, width, start, end, expected) => {
    expect(edgesOf(zone, width, start, end)).toEqual(expected);
  });

  const ZONES = Intl.supportedValuesOf('timeZone');
  const anySpan = fc.record({
    zone: fc.constantFrom(...ZONES),
    start: fc.integer({ min: Date.UTC(2012, 0) / MINUTE_MS, max: Date.UTC(2037, 0) / MINUTE_MS }),
    hours: fc.integer({ min: 1, max: 24 * 12 }),
  });

  /** What a clock on the wall shows: the date, and the hour. An implementation of its own, out of formatted parts. */
  const shownBy = (zone: string) => {
    const format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    return (ms: number) => {
      const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
      return { date: `${parts.year}-${parts.month}-${parts.day}`, hour: parts.hour!, minute: parts.minute! };
    };
  };

  it('of days begin where a clock on the wall first shows a new date, in every zone', () => {
    fc.assert(
      fc.property(anySpan, ({ zone, start, hours }) => {
        const [startMs, endMs] = [start * MINUTE_MS, start * MINUTE_MS + hours * HOUR_MS];
        const edges = bucketEdges(zoneOf(zone), 'DAY', startMs, endMs);
        const shown = shownBy(zone);
        const expected: number[] = [];
        let latest = shown(edges[0]! - 15 * MINUTE_MS).date;
        for (let at = edges[0]!; at <= edges.at(-1)!; at += 15 * MINUTE_MS) {
          const { date } = shown(at);
          if (date > latest) expected.push(at);
          if (date > latest) latest = date;
        }
        expect(edges).toEqual(expected);
        expect(edges[0]! <= startMs && startMs < edges[1]!).toBe(true);
        expect(edges.at(-2)! < endMs && endMs <= edges.at(-1)!).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('of hours begin where a clock on the wall shows a full hour or leaps into one, in every zone', () => {
    fc.assert(
      fc.property(anySpan, ({ zone, start, hours }) => {
        const [startMs, endMs] = [start * MINUTE_MS, start * MINUTE_MS + hours * HOUR_MS];
        const edges = bucketEdges(zoneOf(zone), 'HOUR', startMs, endMs);
        const shown = shownBy(zone);
        const expected: number[] = [];
        let before = shown(edges[0]! - 15 * MINUTE_MS);
        for (let at = edges[0]!; at <= edges.at(-1)!; at += 15 * MINUTE_MS) {
          const now = shown(at);
          if (now.minute === '00' || now.hour !== before.hour || now.date !== before.date) expected.push(at);
          before = now;
        }
        expect(edges).toEqual(expected);
        expect(edges[0]! <= startMs && startMs < edges[1]!).toBe(true);
        expect(edges.at(-2)! < endMs && endMs <= edges.at(-1)!).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('fall on quarters of an hour in every zone, for which sums are kept', () => {
    for (const zone of ZONES) {
      const edges = bucketEdges(zoneOf(zone), 'DAY', Date.UTC(2024, 0), Date.UTC(2027, 0));
      expect({ zone, off: edges.filter((edge) => edge % (15 * MINUTE_MS) !== 0) }).toEqual({ zone, off: [] });
    }
  });
});

describeOnPostgres('the days and hours of PostgreSQL', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase({ migrated: false });
  });
  afterAll(() => test?.close());

  // Zones whose midnight never comes twice: PostgreSQL begins such a day at the second.
  it.each(['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia', 'America/New_York', 'Europe/Berlin'])(
    'are the same in %s all through 2025',
    async (zone) => {
      for (const width of ['DAY', 'HOUR'] as const) {
        const [start, end] = [Date.UTC(2025, 0), Date.UTC(2026, 0)];
        const { rows } = await test.database.query<{ edge: Date }>(
          `SELECT DISTINCT date_trunc($2, at, $1) AS edge
           FROM generate_series($3::timestamptz, $4::timestamptz, '15 minutes') AS at ORDER BY 1`,
          [zone, width.toLowerCase(), new Date(start), new Date(end - 1)],
        );
        const ours = bucketEdges(zoneOf(zone), width, start, end);
        expect(ours.slice(0, -1)).toEqual(rows.map(({ edge }) => edge.getTime()));
      }
    },
  );
});
