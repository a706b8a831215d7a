import fc from 'fast-check';
import { type ConstValueNode, GraphQLError, parseConstValue } from 'graphql';
import { canonicalDecimal, DecimalScalar } from '../../schema/scalars/decimal';
import { formatScaled, parseCredits, parseScaled } from '../../src/lib/credits';

const literal = (text: string) => DecimalScalar.parseLiteral(parseConstValue(text) as ConstValueNode, {});
const variable = (value: unknown) => DecimalScalar.parseValue(value);

describe('Decimal as input', () => {
  it.each([
    ['0.166', '0.166'],
    ['1250', '1250'],
    ['1250.000', '1250'],
    ['007.50', '7.5'],
    ['0', '0'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['-3.5', '-3.5'],
    ['0.0000000001', '0.0000000001'],
    ['1.00000000000000000000', '1'],
    ['9'.repeat(30), '9'.repeat(30)],
  ])('reads the string %s as %s', (text, canonical) => {
    expect(variable(text)).toBe(canonical);
    expect(literal(`"${text}"`)).toBe(canonical);
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [42, '42'],
    [-7, '-7'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('reads the integer variable %d as %s', (number, canonical) => expect(variable(number)).toBe(canonical));

  it.each([
    ['42', '42'],
    ['-7', '-7'],
    ['90071992547409930', '90071992547409930'],
  ])('reads the integer literal %s exactly, beyond 2^53 too', (text, canonical) =>
    expect(literal(text)).toBe(canonical),
  );

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '1e3',
    '1E3',
    '.5',
    '5.',
    '1.2.3',
    '1,5',
    '1_000',
    '0x10',
    'NaN',
    'Infinity',
    '--1',
    '-',
    '١',
    '1\n',
    '0.00000000001',
    '9'.repeat(31),
  ])('refuses the string %j as BAD_USER_INPUT', (text) => {
    expect(() => variable(text)).toThrow(expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }));
    expect(() => literal(JSON.stringify(text))).toThrow(GraphQLError);
  });

  it.each([0.5, 1e300, Number.MAX_SAFE_INTEGER + 1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses the number %d: a float is never exact',
    (number) => expect(() => variable(number)).toThrow(/as a string|float/),
  );

  it.each([true, null, [], {}, ['1'], 1n])('refuses %p, which is neither string nor number', (value) => {
    expect(() => variable(value)).toThrow(/takes a string/);
  });

  it.each(['0.5', '1e3', 'true', 'ENUM', '["1"]', '{a: 1}', '1.0'])('refuses the literal %s', (text) => {
    expect(() => literal(text)).toThrow(GraphQLError);
  });

  it('points at the literal that it refuses', () => {
    try {
      literal('0.5');
      throw new Error('not refused');
    } catch (error) {
      expect((error as GraphQLError).locations).toEqual([{ line: 1, column: 1 }]);
    }
  });
});

describe('the canonical form', () => {
  const plain = fc
    .tuple(fc.boolean(), fc.stringMatching(/^\d{1,20}$/), fc.stringMatching(/^\d{0,10}$/))
    .map(([minus, whole, fraction]) => `${minus ? '-' : ''}${whole}${fraction && `.${fraction}`}`);

  it('is the one that amounts are printed in, for every plain decimal', () => {
    fc.assert(
      fc.property(plain, (text) => {
        expect(canonicalDecimal(text)).toEqual({ value: formatScaled(parseScaled(text, 10)!, 10) });
      }),
    );
  });

  it('is its own canonical form, and is answered unchanged', () => {
    fc.assert(
      fc.property(plain, (text) => {
        const canonical = variable(text);
        expect(variable(canonical)).toBe(canonical);
        expect(DecimalScalar.serialize(canonical)).toBe(canonical);
      }),
    );
  });

  it('is read as credits without a loss', () => {
    expect(parseCredits(variable('204.8440'))).toBe(204_844_000n);
  });
});

describe('Decimal as output', () => {
  it.each(['1.0', '01', '-0', '+1', '1e3', '', 'abc', 1, 1n, 0.5, null])(
    'refuses to answer with %p, which is no canonical string',
    (value) => expect(() => DecimalScalar.serialize(value)).toThrow(TypeError),
  );
});
