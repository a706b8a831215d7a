import fc from 'fast-check';
import { GraphQLError, getIntrospectionQuery, parse } from 'graphql';
import { AppError } from '../../src/lib/errors';
import { checkDocumentLimits, DOCUMENT_LIMITS, parseDocument } from '../../src/transport/document-limits';

const check = (source: string) => checkDocumentLimits(parse(source));
const repeat = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
const nested = (depth: number) => `${'{a'.repeat(depth)}${'}'.repeat(depth)}`;
const inline = (depth: number) => `${'{...on A'.repeat(depth)}{a}${'}'.repeat(depth)}`;
const chain = (length: number) =>
  `{...F0} ${repeat(length, (index) => `fragment F${index} on Q {${index + 1 < length ? `a{...F${index + 1}}` : 'a'}}`)}`;

function refusal(source: string): { what: unknown; limit: unknown; actual: unknown } {
  try {
    check(source);
  } catch (error) {
    if (error instanceof AppError && error.code === 'QUERY_TOO_LARGE') {
      return error.fields as { what: unknown; limit: unknown; actual: unknown };
    }
    throw error;
  }
  throw new Error('The document was not refused.');
}

describe('what is admitted', () => {
  it.each([
    ['a plain query', '{ balance { remaining } }'],
    ['20 levels', nested(20)],
    ['20 levels through fragments', chain(20)],
    ['50 aliases', `{${repeat(50, (index) => `a${index}: a`)}}`],
    ['2,000 selections', `{${repeat(2_000, (index) => `f${index}`)}}`],
    [
      'a full page of usage with all its fields',
      `{ usageEvents(first: 100) { edges { node { ${repeat(60, (i) => `f${i}`)} } } } }`,
    ],
    [
      '20 syntheses with all of their usage',
      `mutation {${repeat(20, (index) => `a${index}: synthesizeSpeech(input: {text: "x"}) { usage { ...U } }`)}} fragment U on OperationUsage {${repeat(50, (index) => `f${index}`)}}`,
    ],
    [
      'the introspection query of GraphiQL',
      getIntrospectionQuery({
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    ],
    ['a fragment that spreads itself, which validation refuses', '{...F} fragment F on Q {a ...F}'],
    ['two fragments that spread each other', '{...F} fragment F on Q {...G} fragment G on Q {...F}'],
    ['a spread of no fragment', '{...F}'],
    ['a schema definition, which is not executable', 'type A {a: Int}'],
  ])('%s', (_name, source) => {
    expect(() => check(source)).not.toThrow();
  });
});

describe('what is refused as QUERY_TOO_LARGE', () => {
  it.each([
    ['21 levels', nested(21), { what: 'DEPTH', limit: 20, actual: 21 }],
    ['depth 50', nested(50), { what: 'DEPTH', limit: 20, actual: 50 }],
    ['21 levels through fragments', chain(21), { what: 'DEPTH', limit: 20, actual: 21 }],
    ['inline fragments in each other', inline(50), { what: 'DEPTH', limit: 20, actual: 51 }],
    [
      'depth in a fragment that nobody spreads',
      `{a} fragment F on Q ${nested(50)}`,
      { what: 'DEPTH', limit: 20, actual: 50 },
    ],
    [
      'depth in the operation that will not run',
      `query A {a} query B ${nested(50)}`,
      { what: 'DEPTH', limit: 20, actual: 50 },
    ],
    ['51 aliases', `{${repeat(51, (index) => `a${index}: a`)}}`, { what: 'ALIASES', limit: 50, actual: 51 }],
    [
      '51 aliases over operations and fragments',
      `query A {${repeat(25, (i) => `a${i}: a`)}} query B {...F} fragment F on Q {${repeat(26, (i) => `b${i}: a`)}}`,
      { what: 'ALIASES', limit: 50, actual: 51 },
    ],
    ['51 aliases of one name', `{${repeat(51, () => 'a: a')}}`, { what: 'ALIASES', limit: 50, actual: 51 }],
    [
      '2,001 selections',
      `{${repeat(2_001, (index) => `f${index}`)}}`,
      { what: 'SELECTIONS', limit: 2_000, actual: 2_001 },
    ],
    [
      '101 definitions',
      `{a} ${repeat(100, (index) => `fragment F${index} on Q {a}`)}`,
      { what: 'DEFINITIONS', limit: 100, actual: 101 },
    ],
    [
      'pages of pages',
      '{ a(first: 100) { edges { node { b(first: 100) { edges { node { c(first: 100) { edges { cursor } } } } } } } } }',
      { what: 'COMPLEXITY', limit: 50_000, actual: 2_030_301 },
    ],
  ])('%s', (_name, source, fields) => {
    expect(refusal(source)).toEqual(fields);
  });

  it('counts a page by first: its literal, the most for a variable, the default when it is left out', () => {
    const page = (first: string) =>
      `query ($n: Int) { ${repeat(50, (i) => `a${i}: list${first} { ...P }`)} } fragment P on L { edges { ...E } } fragment E on E {${repeat(20, (i) => `f${i}`)}}`;
    expect(refusal(page('(first: $n)'))).toMatchObject({ what: 'COMPLEXITY', actual: 50 * (1 + 100 * 21) });
    expect(refusal(page(''))).toMatchObject({ what: 'COMPLEXITY', actual: 50 * (1 + 50 * 21) });
    expect(() => check(page('(first: 10)'))).not.toThrow();
  });

  it('doubles at every fragment without taking longer, and names a number that JSON can carry', () => {
    const doubling = `{...F0} ${repeat(99, (index) => `fragment F${index} on Q {${index < 98 ? `...F${index + 1} ...F${index + 1}` : 'a'}}`)}`;
    expect(refusal(doubling)).toEqual({ what: 'COMPLEXITY', limit: 50_000, actual: Number.MAX_SAFE_INTEGER });
  });

  it('says what to do', () => {
    expect(() => check(nested(50))).toThrow('The document has more than 20 levels; send it in parts.');
  });

  it('is refused again when the same document is sent again', () => {
    const document = parse(nested(50));
    expect(() => checkDocumentLimits(document)).toThrow(AppError);
    expect(() => checkDocumentLimits(document)).toThrow(AppError);
  });
});

describe('parsing', () => {
  it('stops at the limit of tokens', () => {
    const source = `{${repeat(DOCUMENT_LIMITS.tokens, (index) => `f${index}`)}}`;
    expect(() => parseDocument(source)).toThrow(GraphQLError);
  });

  it('counts a long text as one token', () => {
    expect(() => parseDocument(`{a(text: "${'x'.repeat(1_000_000)}")}`)).not.toThrow();
  });

  it.each([
    ['fields', '{a'],
    ['lists', `{a(b:${'['.repeat(9_000)}`],
    ['objects', `{a(b:${'{c:'.repeat(3_000)}`],
  ])('answers %s in each other, however deep, with a refusal and not with a stack overflow', (_name, start) => {
    const source = start.repeat(start.length > 100 ? 1 : 4_900);
    let thrown: unknown;
    try {
      parseDocument(source);
    } catch (error) {
      thrown = error;
    }
    expect(thrown instanceof GraphQLError || (thrown instanceof AppError && thrown.code === 'QUERY_TOO_LARGE')).toBe(
      true,
    );
  });

  it('never throws anything but a refusal, whatever is spread where', () => {
    const name = fc.integer({ min: 0, max: 5 });
    const selection = fc.letrec<{ one: string; set: string }>((tie) => ({
      one: fc.oneof(
        { maxDepth: 4 },
        name.map((n) => `f${n}`),
        name.map((n) => `...F${n}`),
        fc.tuple(name, tie('set')).map(([n, set]) => `a${n}: f${n} ${set}`),
        tie('set').map((set) => `... on Q ${set}`),
      ),
      set: fc.array(tie('one'), { minLength: 1, maxLength: 3 }).map((parts) => `{${parts.join(' ')}}`),
    })).set;
    fc.assert(
      fc.property(selection, fc.array(selection, { minLength: 6, maxLength: 6 }), (operation, fragments) => {
        const source = `${operation} ${fragments.map((set, index) => `fragment F${index} on Q ${set}`).join(' ')}`;
        try {
          check(source);
        } catch (error) {
          expect(error).toMatchObject({ code: 'QUERY_TOO_LARGE' });
        }
      }),
    );
  });
});
