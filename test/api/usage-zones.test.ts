import { parseCredits } from '../../src/lib/credits';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { atMoment, type SettledUsage, settleUsage } from './support/settled-usage';

const ZONES = ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia', 'America/New_York'] as const;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const START = '2025-02-25T00:00:00Z';
const END = '2025-11-10T00:00:00Z';

/** What a calendar and a clock on the wall of a zone show. */
const wallOf = (zone: string) => {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'long',
    hourCycle: 'h23',
  });
  return (ms: number) => {
    const [date, time] = format.format(ms).split(', ') as [string, string];
    return { date, time: time.slice(0, 8), hour: `${date} ${time.slice(0, 2)}` };
  };
};

/** Every midnight of each zone on the days around New York's changes of clock and on an ordinary day. */
function midnights(): number[] {
  const found = new Set<number>();
  for (const zone of ZONES) {
    const wall = wallOf(zone);
    for (const day of ['2025-03-01', '2025-03-09', '2025-11-02']) {
      const noon = Date.parse(`${day}T12:00:00Z`);
      for (let at = noon - DAY_MS; at < noon + DAY_MS; at += 15 * 60 * SECOND_MS)
        if (wall(at).time === '00:00:00') found.add(at);
    }
  }
  return [...found].sort((a, b) => a - b);
}

let server: TestServer;
let workspace: TestWorkspace;
const settled: { readonly at: number; readonly credits: number }[] = [];
const total = () => settled.reduce((sum, { credits }) => sum + credits, 0);

beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = await atMoment(server, START, () => server.createWorkspace({ credits: '1000' }));
  // Both seconds beside each midnight; and both times at which New York shows 01:30 when the clocks go back.
  const twice = [Date.parse('2025-11-02T05:30:00Z'), Date.parse('2025-11-02T06:30:00Z')];
  const moments = [...midnights().flatMap((at) => [at - SECOND_MS, at, at + SECOND_MS]), ...twice].sort(
    (a, b) => a - b,
  );
  const usages: SettledUsage[] = moments.map((at, index) => {
    settled.push({ at, credits: 1_000 + index });
    return { at: new Date(at).toISOString(), credits: 1_000 + index };
  });
  await settleUsage(server, workspace.workspaceId, usages);
});
afterAll(() => server?.close());

interface Bucket {
  readonly start: string;
  readonly end: string;
  readonly requests: number;
  readonly credits: string;
}
interface Page {
  readonly edges: readonly { readonly node: Bucket }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
async function buckets(filter: Record<string, unknown>): Promise<Bucket[]> {
  const found: Bucket[] = [];
  let after: string | null = null;
  do {
    const { usageBuckets }: { usageBuckets: Page } = await workspace.data<{ usageBuckets: Page }>(
      `query ($filter: UsageBucketFilter!, $after: String) { usageBuckets(filter: $filter, first: 100, after: $after) {
         edges { node { start end requests credits } } pageInfo { hasNextPage endCursor } } }`,
      { filter: { groupBy: [], ...filter }, after },
    );
    found.push(...usageBuckets.edges.map(({ node }) => node));
    after = usageBuckets.pageInfo.hasNextPage ? usageBuckets.pageInfo.endCursor : null;
  } while (after);
  return found;
}
const microOf = (credits: string): number => Number(parseCredits(credits));

/** Credits by what the wall shows, as it would be added up by hand. */
function byHand(labelOf: (ms: number) => string, from = 0, to = Number.POSITIVE_INFINITY): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { at, credits } of settled) {
    if (at >= from && at < to) sums.set(labelOf(at), (sums.get(labelOf(at)) ?? 0) + credits);
  }
  return sums;
}

describe.each(ZONES)('the days of %s', (timeZone) => {
  it('hold each event on the date that the wall showed when it settled, to the second', async () => {
    const wall = wallOf(timeZone);
    const found = await buckets({ start: START, end: END, width: 'DAY', timeZone });
    for (const { start, end } of found) {
      // From its first moment to the next date's first.
      expect(wall(Date.parse(start)).date > wall(Date.parse(start) - 1).date).toBe(true);
      expect(wall(Date.parse(end) - 1).date).toBe(wall(Date.parse(start)).date);
    }
    const sums = new Map(found.map(({ start, credits }) => [wall(Date.parse(start)).date, microOf(credits)]));
    expect(sums).toEqual(byHand((at) => wall(at).date));
  });

  it('together hold what the events and the journal say', async () => {
    const found = await buckets({ start: START, end: END, width: 'DAY', timeZone });
    const sum = found.reduce((credits, bucket) => credits + microOf(bucket.credits), 0);
    const { rows } = await server.database.query<{ events: string; journal: string; count: string }>(
      `SELECT (SELECT sum(credits) FROM usage_events WHERE workspace_id = $1) AS events,
         (SELECT count(*) FROM usage_events WHERE workspace_id = $1) AS count,
         (SELECT -sum(amount) FROM journal WHERE workspace_id = $1 AND kind = 'usage') AS journal`,
      [workspace.workspaceId],
    );
    expect({ sum, events: Number(rows[0]!.events), journal: Number(rows[0]!.journal) }).toEqual({
      sum: total(),
      events: total(),
      journal: total(),
    });
    expect(found.reduce((requests, bucket) => requests + bucket.requests, 0)).toBe(Number(rows[0]!.count));
  });

  it.each([
    ['2025-02-28', '2025-03-31'],
    ['2025-10-31', '2025-11-10'],
  ])('from %s to %s hold what their hours hold', async (from, to) => {
    const wall = wallOf(timeZone);
    const span = { start: `${from}T12:00:00Z`, end: `${to}T12:00:00Z`, timeZone };
    const hours = await buckets({ ...span, width: 'HOUR' });
    // An hour that comes twice is told apart by when it begins.
    const startOf = (ms: number) => hours.find(({ start, end }) => Date.parse(start) <= ms && ms < Date.parse(end))!;
    const expected = byHand((at) => startOf(at).start, Date.parse(span.start), Date.parse(span.end));
    expect(new Map(hours.map(({ start, credits }) => [start, microOf(credits)]))).toEqual(expected);
    for (const { start, end } of hours) {
      expect(Date.parse(end) - Date.parse(start)).toBe(3_600_000);
      expect(wall(Date.parse(start)).time.slice(3)).toBe('00:00');
      expect(wall(Date.parse(start)).hour).toBe(wall(Date.parse(end) - 1).hour);
    }
  });
});

it('New York has a day of 23 hours, one of 25, and shows 01:00 twice', async () => {
  const days = await buckets({ start: START, end: END, width: 'DAY', timeZone: 'America/New_York' });
  const lengths = new Map(days.map(({ start, end }) => [start, (Date.parse(end) - Date.parse(start)) / 3_600_000]));
  expect(lengths.get('2025-03-09T05:00:00.000Z')).toBe(23);
  expect(lengths.get('2025-11-02T04:00:00.000Z')).toBe(25);
  const hours = await buckets({
    start: '2025-11-02T05:00:00Z',
    end: '2025-11-02T07:00:00Z',
    width: 'HOUR',
    timeZone: 'America/New_York',
  });
  expect(hours.map(({ start, requests }) => [start, requests])).toEqual([
    ['2025-11-02T05:00:00.000Z', 1],
    ['2025-11-02T06:00:00.000Z', 1],
  ]);
});

it('the books are sound after all that', async () => {
  expect((await server.verifyLedger()).findings).toEqual([]);
});
