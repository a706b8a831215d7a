import { asArray, asObject, type JsonObject } from './wire';

/** What providers enforce of JSON Schema by constraining the model; anything else they refuse or only hint at. */
const ENFORCED: ReadonlySet<string> = new Set([
  '$defs',
  '$ref',
  'additionalProperties',
  'anyOf',
  'const',
  'definitions',
  'description',
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'items',
  'maxItems',
  'maximum',
  'minItems',
  'minimum',
  'multipleOf',
  'pattern',
  'properties',
  'required',
  'title',
  'type',
]);
const ENFORCED_FORMATS: ReadonlySet<string> = new Set([
  'date',
  'date-time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'time',
  'uuid',
]);
/** Composed of parts that must hold together: closing one part would shut out what another asks for. */
const COMPOSED = [
  'allOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'dependentSchemas',
  'unevaluatedProperties',
];

const CHILDREN = ['items', 'additionalProperties'];
const CHILD_LISTS = ['anyOf', 'prefixItems'];
const CHILD_MAPS = ['properties', '$defs', 'definitions'];

/**
 * A schema whose objects hold nothing but their named properties, as providers want it. Every answer that fits it fits the
 * original: properties that are not named were never asked for. null where that cannot be said: parts that must hold
 * together, and objects that are meant to hold anything.
 */
export function closedAnswerSchema(schema: JsonObject): JsonObject | null {
  return isClosable(schema) ? (closed(schema) as JsonObject) : null;
}

/**
 * Whether a closed schema keeps to the rules of strict structured outputs: the root is an object, every property is required,
 * and no keyword is used that is not enforced. https://developers.openai.com/api/docs/guides/structured-outputs
 */
export function isStrictAnswerSchema(schema: JsonObject): boolean {
  return schema.type === 'object' && keepsStrictRules(schema);
}

function isClosable(schema: unknown): boolean {
  const source = asObject(schema);
  if (source === null) return true;
  if (COMPOSED.some((keyword) => keyword in source)) return false;
  if (describesObject(source)) {
    // No property is named, more may come, or there are alternatives beside the properties.
    if (asObject(source.properties) === null || (source.additionalProperties ?? false) !== false) return false;
    if (source.anyOf !== undefined) return false;
  }
  return childrenOf(source).every(isClosable);
}

function closed(schema: unknown): unknown {
  const source = asObject(schema);
  if (source === null) return schema;
  const result: Record<string, unknown> = { ...source };
  for (const keyword of CHILDREN) if (keyword in source) result[keyword] = closed(source[keyword]);
  for (const keyword of CHILD_LISTS) if (keyword in source) result[keyword] = asArray(source[keyword]).map(closed);
  for (const keyword of CHILD_MAPS) {
    const entries = Object.entries(asObject(source[keyword]) ?? {}).map(([name, child]) => [name, closed(child)]);
    if (keyword in source) result[keyword] = Object.fromEntries(entries);
  }
  if (describesObject(source)) result.additionalProperties = false;
  return result;
}

function keepsStrictRules(schema: unknown): boolean {
  const source = asObject(schema);
  if (source === null) return true;
  if (Object.keys(source).some((keyword) => !ENFORCED.has(keyword))) return false;
  if (source.format !== undefined && !ENFORCED_FORMATS.has(String(source.format))) return false;
  const required = new Set(asArray(source.required));
  if (Object.keys(asObject(source.properties) ?? {}).some((name) => !required.has(name))) return false;
  return childrenOf(source).every(keepsStrictRules);
}

function describesObject({ type, properties }: JsonObject): boolean {
  return type === 'object' || asArray(type).includes('object') || properties !== undefined;
}

/** Every schema directly inside a schema. */
function childrenOf(source: JsonObject): readonly unknown[] {
  return [
    ...CHILDREN.map((keyword) => source[keyword]),
    ...CHILD_LISTS.flatMap((keyword) => asArray(source[keyword])),
    ...CHILD_MAPS.flatMap((keyword) => Object.values(asObject(source[keyword]) ?? {})),
  ];
}
