import { GraphQLScalarType, Kind } from 'graphql';
import { scalarError } from './input-error';

const FORM = /^(\d{4})-(\d{2})-(\d{2})$/;
const refusal = 'Date takes a calendar date that exists, as "2025-05-31".';

/** Whether the text is YYYY-MM-DD and such a day exists; Date.parse alone turns 30 February into March. */
export function isCalendarDate(text: string): boolean {
  const parts = FORM.exec(text);
  if (!parts) return false;
  const day = new Date(0);
  day.setUTCFullYear(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
  return day.getUTCMonth() + 1 === Number(parts[2]) && day.getUTCDate() === Number(parts[3]);
}

/** Calendar dates, as YYYY-MM-DD inside as outside: a day in UTC is no instant. */
export const DateScalar = new GraphQLScalarType<string, string>({
  name: 'Date',
  description: 'Calendar date YYYY-MM-DD, in UTC.',
  serialize(value) {
    if (typeof value !== 'string' || !isCalendarDate(value)) {
      throw new TypeError('A Date field was resolved to something else than YYYY-MM-DD.');
    }
    return value;
  },
  parseValue(value) {
    if (typeof value !== 'string' || !isCalendarDate(value)) throw scalarError(refusal);
    return value;
  },
  parseLiteral(node) {
    if (node.kind !== Kind.STRING || !isCalendarDate(node.value)) throw scalarError(refusal, node);
    return node.value;
  },
});
