import fc from 'fast-check';
import { type CursorBinding, checkFirst, decodeCursor, encodeCursor, pageOf } from '../../src/lib/cursors';
import { AppError } from '../../src/lib/errors';

const BINDING: CursorBinding = { workspaceId: 'w1', query: 'usageEvents', filter: { status: 'FAILED', from: null } };

function faultOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, ...error.fields };
    throw error;
  }
  return null;
}
const REFUSED = { code: 'BAD_USER_INPUT', field: 'after' };

test('what was encoded is decoded under the same binding, whatever it is', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 4 }), (position) => {
      expect(decodeCursor(BINDING, encodeCursor(BINDING, position))).toEqual(position);
    }),
  );
});

test('a cursor can stand in a URL', () => {
  expect(encodeCursor(BINDING, ['???>>>', '~~~'])).toMatch(/^[A-Za-z0-9_-]+$/);
});

test.each([null, undefined])('no cursor (%p) is the start', (cursor) => {
  expect(decodeCursor(BINDING, cursor)).toBeNull();
});

test.each<[string, CursorBinding]>([
  ['workspace', { ...BINDING, workspaceId: 'w2' }],
  ['query', { ...BINDING, query: 'usageBuckets' }],
  ['filter', { ...BINDING, filter: { status: 'SUCCEEDED' } }],
  ['filter, left out', { workspaceId: 'w1', query: 'usageEvents' }],
])('a cursor of another %s is BAD_USER_INPUT', (_what, other) => {
  expect(faultOf(() => decodeCursor(other, encodeCursor(BINDING, ['1'])))).toEqual(REFUSED);
});

test.each<[string, unknown, unknown, boolean]>([
  ['the order of fields', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, true],
  ['null and left out', { a: 1, b: null }, { a: 1 }, true],
  ['equal dates', { at: new Date(5) }, { at: new Date(5) }, true],
  ['other dates', { at: new Date(5) }, { at: new Date(6) }, false],
  ['the order in a list', { ids: ['a', 'b'] }, { ids: ['b', 'a'] }, false],
  ['a number and its text', { a: 1 }, { a: '1' }, false],
  ['a big integer and its text', { a: 1n }, { a: '1' }, false],
  ['values under other names', { a: 'x' }, { b: 'x' }, false],
])('filters that differ in %s: %j and %j', (_what, one, two, same) => {
  const cursor = encodeCursor({ ...BINDING, filter: one }, ['1']);
  const answer = faultOf(() => decodeCursor({ ...BINDING, filter: two }, cursor));
  expect(answer).toEqual(same ? null : REFUSED);
});

test('no damaged, shortened, lengthened or made-up cursor is read', () => {
  const cursor = encodeCursor(BINDING, ['2026-01-01', 'abc']);
  fc.assert(
    fc.property(fc.nat(cursor.length - 1), fc.constantFrom(...'AZaz09-_'), (at, character) => {
      const damaged = cursor.slice(0, at) + character + cursor.slice(at + 1);
      if (damaged === cursor) return;
      expect(faultOf(() => decodeCursor(BINDING, damaged))).toEqual(REFUSED);
      expect(faultOf(() => decodeCursor(BINDING, cursor.slice(0, at)))).toEqual(REFUSED);
    }),
  );
  for (const made of ['', 'x', '====', `${cursor}=`, ` ${cursor}`, `${cursor}\n`, cursor.repeat(40), 'null', '💥']) {
    expect(faultOf(() => decodeCursor(BINDING, made))).toEqual(REFUSED);
  }
});

test.each(['{"a":1}', '"text"', '[1]', '[null]', 'not JSON', ''])(
  'a cursor whose check holds but whose content is %p is refused',
  (content) => {
    // The check as it is made for a real cursor, over other bytes: what anybody who reads the source can do.
    const spy = jest.spyOn(JSON, 'stringify').mockImplementationOnce(() => content);
    const cursor = encodeCursor(BINDING, []);
    spy.mockRestore();
    expect(faultOf(() => decodeCursor(BINDING, cursor))).toEqual(REFUSED);
  },
);

test.each([1, 50, 100])('first: %i is served', (first) => {
  expect(checkFirst(first)).toBe(first);
});

test.each([0, -1, 101, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('first: %p is BAD_USER_INPUT', (first) => {
  expect(faultOf(() => checkFirst(first))).toEqual({ code: 'BAD_USER_INPUT', field: 'first' });
});

test('a page shows `first` items and tells of the one that was read beyond them', () => {
  const cursorOf = (item: string) => `c-${item}`;
  expect(pageOf(['a', 'b', 'c'], 2, null, cursorOf)).toEqual({
    edges: [
      { cursor: 'c-a', node: 'a' },
      { cursor: 'c-b', node: 'b' },
    ],
    pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: 'c-a', endCursor: 'c-b' },
  });
  expect(pageOf(['a', 'b'], 2, 'x', cursorOf).pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  expect(pageOf([], 2, null, cursorOf)).toEqual({
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
  });
});
