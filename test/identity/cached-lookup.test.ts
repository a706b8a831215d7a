import fc from 'fast-check';
import { CachedLookup } from '../../src/identity/cached-lookup';
import { TestClock } from '../support/test-clock';

/** A source that tests change, and that counts how often it is asked. */
class Source {
  readonly values = new Map<string, string>();
  asked = 0;
  readonly load = async (key: string): Promise<string | null> => {
    this.asked += 1;
    return this.values.get(key) ?? null;
  };
}

function setUp(
  change: { foundMost?: number; missingMost?: number; load?: (key: string) => Promise<string | null> } = {},
) {
  const clock = new TestClock();
  const source = new Source();
  const cache = new CachedLookup<string>({
    clock,
    load: change.load ?? source.load,
    foundMost: change.foundMost ?? 3,
    missingMost: change.missingMost ?? 2,
    foundForMs: () => 100,
    missingForMs: 10,
  });
  return { clock, source, cache };
}

test('no more is remembered than allowed, and what was used least recently goes first', async () => {
  const { source, cache } = setUp();
  for (const key of ['a', 'b', 'c', 'd']) source.values.set(key, key.toUpperCase());
  for (const key of ['a', 'b', 'c']) await cache.get(key);
  await cache.get('a');
  await cache.get('d');
  expect(cache.size).toBe(3);
  const asked = source.asked;
  for (const key of ['a', 'c', 'd']) await cache.get(key);
  expect(source.asked).toBe(asked);
  await cache.get('b');
  expect(source.asked).toBe(asked + 1);
});

test('a flood of unknown keys is bounded and drives out nothing that was found', async () => {
  const { source, cache } = setUp();
  source.values.set('a', 'A');
  await cache.get('a');
  await Promise.all(Array.from({ length: 1_000 }, (_, at) => cache.get(`unknown ${at}`)));
  expect(cache.size).toBe(3);
  const asked = source.asked;
  await cache.get('a');
  expect(source.asked).toBe(asked);
});

test('a failed read is shared by those who wait and remembered by nobody', async () => {
  let fails = true;
  let asked = 0;
  const { cache } = setUp({
    load: async () => {
      asked += 1;
      if (fails) throw new Error('down');
      return 'A';
    },
  });
  const answers = await Promise.allSettled([cache.get('a'), cache.get('a'), cache.get('a')]);
  expect([asked, answers.map(({ status }) => status)]).toEqual([1, ['rejected', 'rejected', 'rejected']]);
  fails = false;
  await expect(cache.get('a')).resolves.toBe('A');
  expect(asked).toBe(2);
});

test('a read that is overtaken again and again is answered in the end, and not remembered', async () => {
  let asked = 0;
  const { cache } = setUp({
    load: async () => {
      asked += 1;
      cache.forgetAll();
      return `A${asked}`;
    },
  });
  await expect(cache.get('a')).resolves.toBe('A3');
  expect([asked, cache.size]).toEqual([3, 0]);
});

test('after a change and its notice nobody is answered with what was before, whatever was under way', async () => {
  const action = fc.oneof(
    fc.record({ what: fc.constant('ask' as const), key: fc.constantFrom('a', 'b') }),
    fc.record({ what: fc.constant('change' as const), key: fc.constantFrom('a', 'b') }),
    fc.record({ what: fc.constant('answer' as const), key: fc.constantFrom('a', 'b') }),
    fc.record({ what: fc.constant('wait' as const), key: fc.constantFrom('a', 'b') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const versions: Record<string, number> = { a: 0, b: 0 };
      const held: { key: string; release: () => void }[] = [];
      // The source's answer is what it was when the read began, as with a slow database.
      const { cache, clock } = setUp({
        load: (key) => {
          const value = `${key} ${versions[key]}`;
          return new Promise((resolve) => held.push({ key, release: () => resolve(value) }));
        },
      });
      const settle = () => new Promise(setImmediate);
      const wrong: string[] = [];
      const asks: Promise<void>[] = [];
      for (const { what, key } of actions) {
        if (what === 'ask') {
          const least = versions[key]!;
          asks.push(
            cache.get(key).then((value) => {
              if (Number(value!.split(' ')[1]) < least) wrong.push(`${value} after version ${least}`);
            }),
          );
        } else if (what === 'change') {
          versions[key]! += 1;
          cache.forget((value) => value.startsWith(key));
        } else if (what === 'answer') {
          held.splice(0, 1)[0]?.release();
          await settle();
        } else {
          clock.advance(60);
        }
      }
      for (let next = held.shift(); next; next = held.shift()) {
        next.release();
        await settle();
      }
      await Promise.all(asks);
      expect(wrong).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
