import fc from 'fast-check';
import { type ConstValueNode, GraphQLError, type GraphQLScalarType, parseConstValue, parseValue } from 'graphql';
import { DateScalar } from '../../schema/scalars/date';
import { DateTimeScalar } from '../../schema/scalars/date-time';
import { JsonObjectScalar } from '../../schema/scalars/json-object';
import { SafeIntScalar } from '../../schema/scalars/safe-int';

const literal = (scalar: GraphQLScalarType<unknown, unknown>, text: string) =>
  scalar.parseLiteral(parseConstValue(text) as ConstValueNode, {});
const badInput = expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } });

describe('DateTime', () => {
  it.each([
    ['2025-05-01T12:30:00Z', '2025-05-01T12:30:00.000Z'],
    ['2025-05-01T12:30:00.123456789Z', '2025-05-01T12:30:00.123Z'],
    ['2025-05-01t12:30:00z', '2025-05-01T12:30:00.000Z'],
    ['2025-05-01T02:00:00+05:30', '2025-04-30T20:30:00.000Z'],
    ['2024-02-29T23:59:59-00:00', '2024-02-29T23:59:59.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ])('reads %s as the instant %s', (text, instant) => {
    expect((DateTimeScalar.parseValue(text) as Date).toISOString()).toBe(instant);
    expect(literal(DateTimeScalar, `"${text}"`)).toEqual(new Date(instant));
  });

  it.each([
    '',
    '2025-05-01',
    '2025-05-01T12:30Z',
    '2025-05-01T12:30:00',
    '2025-02-30T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2025-05-01T24:00:00Z',
    '2025-05-01T12:60:00Z',
    '2025-05-01 12:30:00Z',
    '1746102600',
    '2025-05-01T12:30:00.Z',
    '2025-05-01T12:30:00+25:00',
    '+002025-05-01T12:30:00Z',
    '2025-05-01T12:30:00Z\n',
  ])('refuses %j as BAD_USER_INPUT', (text) => {
    expect(() => DateTimeScalar.parseValue(text)).toThrow(badInput);
  });

  it.each([1746102600, null, {}, true])('refuses %p, which is no string', (value) => {
    expect(() => DateTimeScalar.parseValue(value)).toThrow(badInput);
  });

  it('gives back every instant that it has answered', () => {
    const years = {
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(years), (instant) => {
        expect(DateTimeScalar.parseValue(DateTimeScalar.serialize(instant))).toEqual(instant);
      }),
    );
  });

  it.each([new Date(Number.NaN), '2025-05-01T12:30:00Z', 0])('refuses to answer with %p', (value) => {
    expect(() => DateTimeScalar.serialize(value)).toThrow();
  });
});

describe('Date', () => {
  it.each(['2025-05-31', '2024-02-29', '2000-02-29', '0000-01-01', '9999-12-31'])(
    'reads and answers %s unchanged',
    (day) => {
      expect(DateScalar.parseValue(day)).toBe(day);
      expect(literal(DateScalar, `"${day}"`)).toBe(day);
      expect(DateScalar.serialize(day)).toBe(day);
    },
  );

  it.each([
    '',
    '2025-02-29',
    '1900-02-29',
    '2025-04-31',
    '2025-00-10',
    '2025-10-00',
    '2025-5-1',
    '20250501',
    '2025-05-01T00:00:00Z',
  ])('refuses %j: there is no such day in that form', (day) => {
    expect(() => DateScalar.parseValue(day)).toThrow(badInput);
    expect(() => DateScalar.serialize(day)).toThrow(TypeError);
  });
});

describe('SafeInt', () => {
  it.each([0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])('carries %d both ways', (number) => {
    expect(SafeIntScalar.parseValue(number)).toBe(number);
    expect(literal(SafeIntScalar, String(number))).toBe(number);
    expect(SafeIntScalar.serialize(number)).toBe(number);
    expect(SafeIntScalar.serialize(BigInt(number))).toBe(number);
  });

  it.each([2 ** 53, 0.5, Number.NaN, '1', null, true])('refuses %p', (value) => {
    expect(() => SafeIntScalar.parseValue(value)).toThrow(badInput);
    expect(() => SafeIntScalar.serialize(value)).toThrow(TypeError);
  });

  it('refuses to answer with a bigint that a JSON number cannot hold', () => {
    expect(() => SafeIntScalar.serialize(2n ** 53n)).toThrow(TypeError);
  });

  it.each(['9007199254740992', '1.5', '"1"', 'true'])('refuses the literal %s', (text) => {
    expect(() => literal(SafeIntScalar, text)).toThrow(GraphQLError);
  });
});

describe('JSONObject', () => {
  it('reads a literal with everything that JSON has, variables included', () => {
    const node = parseValue('{a: 1, b: -2.5, c: "x", d: true, e: null, f: [1, {g: $v}], h: $missing}');
    expect(JsonObjectScalar.parseLiteral(node, { v: 'there' })).toEqual({
      a: 1,
      b: -2.5,
      c: 'x',
      d: true,
      e: null,
      f: [1, { g: 'there' }],
      h: null,
    });
  });

  it('takes __proto__ as a key like any other', () => {
    const value = literal(JsonObjectScalar, '{__proto__: {polluted: true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.polluted).toBeUndefined();
  });

  it.each([null, 'x', 1, true, [], [{}]])('refuses %p', (value) => {
    expect(() => JsonObjectScalar.parseValue(value)).toThrow(badInput);
    expect(() => JsonObjectScalar.serialize(value)).toThrow(TypeError);
  });

  it.each(['[]', '"x"', '1', 'null'])('refuses the literal %s', (text) => {
    expect(() => literal(JsonObjectScalar, text)).toThrow(GraphQLError);
  });
});
