import { parse } from 'graphql';
import { countMeteredFields, METERED_FIELDS } from '../../src/transport/metered-fields';
import { schema } from '../resolvers/resolver-support';

const speak = (alias: string, directives = '') =>
  `${alias}: synthesizeSpeech(input: {text: "x"}) ${directives} { replayed }`;
const speakAll = (count: number) => Array.from({ length: count }, (_, index) => speak(`a${index}`)).join(' ');

/** Document, operation name, variables, metered fields that will run. */
const CASES: readonly (readonly [string, string, string | null, Record<string, unknown> | null, number])[] = [
  ['a query', '{ balance { id } }', null, null, 0],
  ['one synthesis', `mutation { ${speak('a')} }`, null, null, 1],
  [
    'a free mutation beside it',
    `mutation { ${speak('a')} cancelSpeech(input: {id: "1"}) { usage { id } } }`,
    null,
    null,
    1,
  ],
  ['aliases', `mutation { ${speakAll(3)} }`, null, null, 3],
  ['the same name twice, which runs once', `mutation { ${speak('a')} ${speak('a')} }`, null, null, 1],
  ['a stream', 'subscription { speechStream(input: {text: "x"}) { __typename } }', null, null, 1],
  ['an inline fragment', `mutation { ... on Mutation { ${speak('a')} ... { ${speak('b')} } } }`, null, null, 2],
  [
    'a named fragment',
    `mutation { ...F } fragment F on Mutation { ${speak('a')} ...G } fragment G on Mutation { ${speak('b')} }`,
    null,
    null,
    2,
  ],
  [
    'a fragment that is spread twice and runs once',
    `mutation { ...F ...F } fragment F on Mutation { ${speak('a')} }`,
    null,
    null,
    1,
  ],
  [
    'fragments in a circle',
    `mutation { ...F } fragment F on Mutation { ${speak('a')} ...G } fragment G on Mutation { ...F }`,
    null,
    null,
    1,
  ],
  ['a fragment that is not there', `mutation { ...F ${speak('a')} }`, null, null, 1],
  [
    'a fragment that nobody spreads',
    `mutation { ${speak('a')} } fragment F on Mutation { ${speak('b')} }`,
    null,
    null,
    1,
  ],
  ['skip: true', `mutation { ${speak('a', '@skip(if: true)')} ${speak('b')} }`, null, null, 1],
  ['include: false', `mutation { ${speak('a', '@include(if: false)')} ${speak('b')} }`, null, null, 1],
  ['skip: false and include: true', `mutation { ${speak('a', '@skip(if: false) @include(if: true)')} }`, null, null, 1],
  [
    'skip and include of which one says no',
    `mutation { ${speak('a', '@include(if: true) @skip(if: true)')} }`,
    null,
    null,
    0,
  ],
  [
    'a variable that skips',
    `mutation ($v: Boolean!) { ${speak('a', '@skip(if: $v)')} ${speak('b')} }`,
    null,
    { v: true },
    1,
  ],
  [
    'a variable that does not',
    `mutation ($v: Boolean!) { ${speak('a', '@skip(if: $v)')} ${speak('b')} }`,
    null,
    { v: false },
    2,
  ],
  ['a variable that includes', `mutation ($v: Boolean!) { ${speak('a', '@include(if: $v)')} }`, null, { v: true }, 1],
  [
    'a variable that excludes a spread',
    `mutation ($v: Boolean!) { ...F @include(if: $v) } fragment F on Mutation { ${speak('a')} }`,
    null,
    { v: false },
    0,
  ],
  [
    'a variable that excludes an inline fragment',
    `mutation ($v: Boolean!) { ... @include(if: $v) { ${speak('a')} } }`,
    null,
    { v: false },
    0,
  ],
  ['a default of a variable', `mutation ($v: Boolean = false) { ${speak('a', '@include(if: $v)')} }`, null, {}, 0],
  [
    'a value beside a default',
    `mutation ($v: Boolean = false) { ${speak('a', '@include(if: $v)')} }`,
    null,
    { v: true },
    1,
  ],
  ['a variable that is missing', `mutation ($v: Boolean!) { ${speak('a', '@include(if: $v)')} }`, null, null, 1],
  [
    'a variable that is no boolean',
    `mutation ($v: Boolean!) { ${speak('a', '@skip(if: $v)')} }`,
    null,
    { v: 'true' },
    1,
  ],
  [
    'a variable of the name of an inherited property',
    `mutation ($toString: Boolean = true) { ${speak('a', '@skip(if: $toString)')} }`,
    null,
    {},
    0,
  ],
  [
    'a fragment that is skipped in one place and not in another',
    `mutation { ...F @skip(if: true) ...F } fragment F on Mutation { ${speak('a')} }`,
    null,
    null,
    1,
  ],
  ['the operation that is named', `mutation A { ${speakAll(3)} } mutation B { ${speak('a')} }`, 'B', null, 1],
  [
    'several operations and no name: nothing runs',
    `mutation A { ${speakAll(3)} } mutation B { ${speak('a')} }`,
    null,
    null,
    0,
  ],
  ['a name that is not there: nothing runs', `mutation A { ${speak('a')} }`, 'Z', null, 0],
  ['the name deeper in the answer, which is another field', '{ balance { synthesizeSpeech { id } } }', null, null, 0],
];

describe('metered root fields of the operation that will run', () => {
  it.each(CASES)('%s', (_name, source, operation, variables, expected) => {
    const document = parse(source);
    expect(countMeteredFields(document, operation, variables)).toBe(expected);
    expect(countMeteredFields(document, operation, variables)).toBe(expected);
  });

  it('follows the variables of each request, though the document is the same', () => {
    const document = parse(`mutation ($v: Boolean!) { ${speak('a', '@skip(if: $v)')} ${speak('b')} }`);
    expect([true, false, true].map((v) => countMeteredFields(document, null, { v }))).toEqual([1, 2, 1]);
  });

  it('are admitted up to 20', () => {
    expect(countMeteredFields(parse(`mutation { ${speakAll(20)} }`), null, null)).toBe(20);
  });

  it('are refused from 21 on, with what is too much', () => {
    const document = parse(`mutation { ${speakAll(21)} }`);
    for (const _again of [1, 2]) {
      expect(() => countMeteredFields(document, null, null)).toThrow(
        expect.objectContaining({
          code: 'QUERY_TOO_LARGE',
          fields: { what: 'METERED_FIELDS', limit: 20, actual: 21 },
          message: 'The document has more than 20 metered fields; send it in parts.',
        }),
      );
    }
  });

  it('are admitted where @skip leaves 20 of 21', () => {
    const document = parse(`mutation ($v: Boolean!) { ${speakAll(20)} ${speak('last', '@skip(if: $v)')} }`);
    expect(countMeteredFields(document, null, { v: true })).toBe(20);
    expect(() => countMeteredFields(document, null, { v: false })).toThrow(
      expect.objectContaining({ code: 'QUERY_TOO_LARGE' }),
    );
  });

  it('are fields of the schema, each of them', () => {
    const roots = [schema.getMutationType()!, schema.getSubscriptionType()!].flatMap((type) =>
      Object.keys(type.getFields()),
    );
    expect([...METERED_FIELDS].filter((name) => !roots.includes(name))).toEqual([]);
  });
});
