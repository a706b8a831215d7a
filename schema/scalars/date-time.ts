import { GraphQLScalarType, Kind } from 'graphql';
import { isCalendarDate } from './date';
import { scalarError } from './input-error';

const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;
const refusal = 'DateTime takes an RFC 3339 timestamp with its offset, as "2025-05-01T12:30:00Z".';

function read(text: string, node?: Parameters<typeof scalarError>[1]): Date {
  const parts = RFC_3339.exec(text);
  if (!parts || !isCalendarDate(parts[1]!)) throw scalarError(refusal, node);
  return new Date(text.toUpperCase());
}

/** Instants, as Date inside; milliseconds are kept, what is finer is cut off. */
export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'RFC 3339 timestamp in UTC, as "2025-05-01T12:30:00.000Z". Input may carry another offset.',
  serialize(value) {
    if (!(value instanceof Date)) throw new TypeError('A DateTime field was resolved to something else than a Date.');
    return value.toISOString();
  },
  parseValue(value) {
    if (typeof value !== 'string') throw scalarError(refusal);
    return read(value);
  },
  parseLiteral(node) {
    if (node.kind !== Kind.STRING) throw scalarError(refusal, node);
    return read(node.value, node);
  },
});
