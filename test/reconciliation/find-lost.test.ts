import fc from 'fast-check';
import type { CountedRequest, UsageMeasure } from '../../providers/contract/usage';
import { findByRequest } from '../../src/reconciliation/find-by-request';
import { findBySums } from '../../src/reconciliation/find-by-sums';
import type { LostEvent } from '../../src/reconciliation/lost-events';

const DAY = Date.parse('2025-05-01T00:00:00Z');
const MINUTE = 60_000;
const LATER = DAY + 10 * 86_400_000;
const SPEECH: UsageMeasure = {
  capability: 'TEXT_TO_SPEECH',
  unit: 'CHARACTER',
  countUnits: [],
  foreseen: 'exact',
};

const lostAt = (id: string, at: number, characters: number): LostEvent => ({
  id,
  workspace_id: 'w',
  capability: 'TEXT_TO_SPEECH',
  model: 'p/model',
  created_at: new Date(at),
  settled_at: new Date(at + 70_000),
  characters,
  audio_milliseconds: 0,
  input_tokens: 0,
  output_tokens: 0,
});
const requestAt = (id: string, at: number, quantity: number): CountedRequest => ({
  id,
  at,
  capability: 'TEXT_TO_SPEECH',
  model: 'model',
  quantity,
});

/** Operations and requests crowded into half an hour, so that they meet in every way. */
const crowd = fc.record({
  lost: fc.array(fc.record({ at: fc.nat(30), characters: fc.integer({ min: 1, max: 4 }) }), { maxLength: 8 }),
  listed: fc.array(fc.record({ at: fc.nat(30), quantity: fc.integer({ min: 1, max: 4 }) }), { maxLength: 8 }),
});

test('whatever meets, a request stands for one operation at most, of its length and its time, and all are answered', () => {
  fc.assert(
    fc.property(crowd, ({ lost, listed }) => {
      const events = lost.map(({ at, characters }, index) => lostAt(`e${index}`, DAY + at * MINUTE, characters));
      const requests = listed.map(({ at, quantity }, index) => requestAt(`r${index}`, DAY + at * MINUTE, quantity));
      const { found, open } = findByRequest(events, requests, [SPEECH], LATER);
      expect([...found, ...open].map(({ event }) => event.id).sort()).toEqual(events.map(({ id }) => id).sort());
      const taken = found.flatMap(({ requestId }) => requestId ?? []);
      expect(new Set(taken).size).toBe(taken.length);
      for (const { event, requestId, counts } of found) {
        const request = requests.find(({ id }) => id === requestId);
        if (request) {
          expect([request.quantity, counts.CHARACTER]).toEqual([
            event.characters,
            BigInt(request.quantity!) * 1_000_000n,
          ]);
          expect(Math.abs(request.at - event.created_at.getTime())).toBeLessThanOrEqual(3 * MINUTE);
        } else {
          expect(counts.CHARACTER).toBe(0n);
          const near = requests.filter(
            ({ at }) => at > event.created_at.getTime() - 60_000 && at <= event.settled_at.getTime(),
          );
          expect(near).toEqual([]);
        }
      }
    }),
  );
});

test('operations that lie apart are all found, whatever else is listed at other times', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60), { maxLength: 10 }), fc.integer({ min: 1, max: 9 }), (hours, characters) => {
      const events = hours.map((hour) => lostAt(`e${hour}`, DAY + hour * 60 * MINUTE, characters));
      const own = hours.map((hour) => requestAt(`r${hour}`, DAY + hour * 60 * MINUTE + 500, characters));
      const noise = hours.map((hour) => requestAt(`n${hour}`, DAY + (hour * 60 + 30) * MINUTE, characters));
      const { found, open } = findByRequest(events, [...noise, ...own], [SPEECH], LATER);
      expect(open).toEqual([]);
      expect(found.map(({ requestId }) => requestId)).toEqual(hours.map((hour) => `r${hour}`));
    }),
  );
});

test('what a day is said to have counted for its lost operations adds up to its drift, or to nothing', () => {
  const day = fc.record({
    characters: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
    drift: fc.integer({ min: -3, max: 20 }),
    closed: fc.boolean(),
  });
  fc.assert(
    fc.property(day, ({ characters, drift, closed }) => {
      const events = characters.map((count, index) => lostAt(`e${index}`, DAY + index * MINUTE, count));
      const now = closed ? DAY + 2 * 86_400_000 : DAY + 86_400_000;
      const { found, open } = findBySums(events, [SPEECH], () => BigInt(drift) * 1_000_000n, 'DAY', now);
      const expected = characters.reduce((sum, count) => sum + count, 0);
      const known = drift === expected || (drift === 0 && closed);
      expect([found.length, open.length]).toEqual(known ? [events.length, 0] : [0, events.length]);
      const sum = found.reduce((total, { counts }) => total + counts.CHARACTER!, 0n);
      if (known) expect(sum).toBe(BigInt(drift) * 1_000_000n);
      else expect(open[0]!.reason).toBe(closed ? 'NOT_EXPLAINED' : 'NOT_CLOSED');
    }),
  );
});

test('what is no more than the rounding of a sum is neither found nor said to be nothing', () => {
  const rounded: UsageMeasure = { ...SPEECH, unit: 'AUDIO_SECOND', tolerance: 1 };
  const event = { ...lostAt('e', DAY, 0), audio_milliseconds: 800 };
  for (const drift of [0n, 500_000n, 900_000n]) {
    expect(findBySums([event], [rounded], () => drift, 'DAY', LATER)).toMatchObject({
      found: [],
      open: [{ reason: 'NOT_EXPLAINED' }],
    });
  }
  expect(findBySums([event], [rounded], () => null, 'DAY', LATER).open).toMatchObject([{ reason: 'NOT_TOLD' }]);
});
