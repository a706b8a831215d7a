import { GraphQLScalarType, Kind } from 'graphql';
import { scalarError } from './input-error';

/** Decimals of the finest amount there is (USD); credits take six of them, which the operations check. */
const DECIMALS_MAX = 10;
/** Digits on either side of the point that are read at all; no amount comes near. */
const DIGITS_MAX = 30;

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;
const CANONICAL = /^(?!-0$)-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;

/** The canonical form of a plain decimal, or a sentence that says what is wrong with it. */
export function canonicalDecimal(text: string): { readonly value: string } | { readonly fault: string } {
  const parts = PLAIN.exec(text);
  if (!parts) {
    return { fault: 'a Decimal is written with digits and at most one point, as "12.5": no exponent, no +, no spaces' };
  }
  const whole = parts[2]!.replace(/^0+(?=\d)/, '');
  const fraction = (parts[3] ?? '').replace(/0+$/, '');
  if (whole.length > DIGITS_MAX) return { fault: `a Decimal has at most ${DIGITS_MAX} digits before the point` };
  if (fraction.length > DECIMALS_MAX) return { fault: `a Decimal has at most ${DECIMALS_MAX} digits after the point` };
  const amount = fraction === '' ? whole : `${whole}.${fraction}`;
  return { value: amount === '0' ? '0' : parts[1] + amount };
}

function read(text: string, node?: Parameters<typeof scalarError>[1]): string {
  const answer = canonicalDecimal(text);
  if ('fault' in answer) throw scalarError(`Decimal cannot be read: ${answer.fault}.`, node);
  return answer.value;
}

/** Exact decimals as canonical strings, inside as outside: no float ever stands between. */
export const DecimalScalar = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description:
    'Exact decimal as a JSON string in canonical form: no exponent, no sign +, no trailing zeros ("0.166", "1250"). ' +
    'Input takes such a string or an integer, never a float. Credits have at most 6 decimals, USD at most 10.',
  serialize(value) {
    if (typeof value !== 'string' || !CANONICAL.test(value)) {
      throw new TypeError('A Decimal field was resolved to something that is not a canonical decimal string.');
    }
    return value;
  },
  parseValue(value) {
    if (typeof value === 'string') return read(value);
    if (typeof value === 'number' && Number.isSafeInteger(value)) return read(String(value));
    if (typeof value === 'number') {
      throw scalarError(
        'Decimal cannot be read from a float or an integer beyond 2^53 - 1: send it as a string, as "0.166".',
      );
    }
    throw scalarError('Decimal takes a string, as "0.166", or an integer.');
  },
  parseLiteral(node) {
    if (node.kind === Kind.STRING || node.kind === Kind.INT) return read(node.value, node);
    if (node.kind === Kind.FLOAT)
      throw scalarError(`Decimal is never a float: write "${node.value}" as a string.`, node);
    throw scalarError('Decimal takes a string, as "0.166", or an integer.', node);
  },
});
