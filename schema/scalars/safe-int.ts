import { GraphQLScalarType, Kind } from 'graphql';
import { scalarError } from './input-error';

const refusal = 'SafeInt takes a whole number from -(2^53 - 1) to 2^53 - 1.';

/** Counters that outgrow the 32 bits of Int. PostgreSQL's bigint may be handed over as a bigint. */
export const SafeIntScalar = new GraphQLScalarType<number, number>({
  name: 'SafeInt',
  description: 'Whole number from -(2^53 - 1) to 2^53 - 1 as a JSON number, for counters that outgrow Int.',
  serialize(value) {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (!Number.isSafeInteger(number))
      throw new TypeError('A SafeInt field was resolved to something else than a safe integer.');
    return number as number;
  },
  parseValue(value) {
    if (!Number.isSafeInteger(value)) throw scalarError(refusal);
    return value as number;
  },
  parseLiteral(node) {
    const number = node.kind === Kind.INT ? Number(node.value) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw scalarError(refusal, node);
    return number;
  },
});
