import { GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { scalarError } from './input-error';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const refusal = 'JSONObject takes a JSON object, as {"team": "radio"}.';
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function read(node: ValueNode, variables: Readonly<Record<string, unknown>>): JsonValue {
  switch (node.kind) {
    case Kind.OBJECT:
      // fromEntries defines properties, so that a key "__proto__" is data like any other.
      return Object.fromEntries(node.fields.map((field) => [field.name.value, read(field.value, variables)]));
    case Kind.LIST:
      return node.values.map((value) => read(value, variables));
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.VARIABLE:
      return (variables[node.name.value] ?? null) as JsonValue;
    case Kind.NULL:
      return null;
    default:
      return node.value;
  }
}

/** Any JSON object; what may be in it (keys, bytes) is for each field to say. */
export const JsonObjectScalar = new GraphQLScalarType<JsonObject, JsonObject>({
  name: 'JSONObject',
  description: 'Any JSON object. The field that takes it names its limits.',
  serialize(value) {
    if (!isObject(value)) throw new TypeError('A JSONObject field was resolved to something else than an object.');
    return value;
  },
  parseValue(value) {
    if (!isObject(value)) throw scalarError(refusal);
    return value;
  },
  parseLiteral(node, variables) {
    if (node.kind !== Kind.OBJECT) throw scalarError(refusal, node);
    return read(node, variables ?? {}) as JsonObject;
  },
});
