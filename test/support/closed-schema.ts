export type Schema = { readonly [keyword: string]: unknown };

/** Whether a schema speaks for the whole of a value, or for a part of one that is composed of several. */
type Scope = 'whole' | 'part';

/** What says something about a value and is the same in OpenAPI 3.0, 3.1 and JSON Schema. */
const ASSERTIONS = [
  'const',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'multipleOf',
  'pattern',
  'required',
  'uniqueItems',
] as const;

/**
 * A schema of an OpenAPI 3.0 or 3.1 document as JSON Schema 2020-12 in which properties that are not named are faults, at
 * every depth: a schema in which properties are named is closed unless it says what else there may be. Of `oneOf` one or more
 * must hold, as providers' alternatives overlap. `$ref`s are resolved by `at` and copied into `$defs`, so the result stands
 * alone.
 */
export function closedSchema(schema: Schema, at: (pointer: string) => unknown): Schema {
  const definitions: Record<string, unknown> = {};
  const names = new Map<string, string>();

  const reference = (pointer: string, scope: Scope): Schema => {
    const key = `${scope} ${pointer}`;
    let name = names.get(key);
    if (name === undefined) {
      name = `schema${names.size}`;
      names.set(key, name);
      definitions[name] = convert(at(pointer) as Schema, scope);
    }
    return { $ref: `#/$defs/${name}` };
  };

  const convert = (source: Schema | boolean, scope: Scope): Schema | boolean => {
    if (typeof source === 'boolean') return source;
    // What stands beside a $ref describes it; only `nullable` changes it.
    if (typeof source.$ref === 'string') return orNull(reference(source.$ref, scope), source.nullable === true);
    const out: Record<string, unknown> = Object.fromEntries(
      ASSERTIONS.filter((name) => source[name] !== undefined).map((name) => [name, source[name]]),
    );
    numericBounds(out);
    const nullable = source.nullable === true;
    if (source.type !== undefined) out.type = nullable ? [source.type, 'null'].flat() : source.type;
    if (Array.isArray(source.enum)) out.enum = nullable ? [...source.enum, null] : source.enum;

    const properties = source.properties as Record<string, Schema> | undefined;
    if (properties !== undefined) {
      out.properties = Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, convert(property, 'whole')]),
      );
    }
    if (source.items !== undefined) out.items = convert(source.items as Schema, 'whole');
    if (Array.isArray(source.prefixItems)) {
      out.prefixItems = (source.prefixItems as Schema[]).map((item) => convert(item, 'whole'));
    }
    const allOf = source.allOf as Schema[] | undefined;
    const choices = (['anyOf', 'oneOf'] as const).flatMap((name) =>
      source[name] === undefined ? [] : [source[name] as Schema[]],
    );
    // Alternatives that stand alone are each a whole, so that what one names is unknown to another.
    const alone = properties === undefined && allOf === undefined && choices.length === 1;
    const all = [
      ...(allOf ?? []).map((part) => convert(part, 'part')),
      ...choices.map((list) => ({ anyOf: list.map((choice) => convert(choice, alone ? scope : 'part')) })),
    ];
    if (all.length > 0) out.allOf = all;
    if (source.additionalProperties !== undefined) {
      out.additionalProperties = convert(source.additionalProperties as Schema | boolean, 'whole');
    } else if (properties === undefined && all.length === 0) {
      // An object of which nothing is said may hold anything, and so may what it is a part of.
      if (scope === 'part' && source.type === 'object') out.additionalProperties = true;
    } else if (scope === 'whole' && !alone) {
      out.unevaluatedProperties = false;
    }
    return orNull(out, nullable && source.type === undefined);
  };

  const root = convert(schema, 'whole') as Schema;
  return { ...root, $defs: definitions };
}

function orNull(schema: Schema, nullable: boolean): Schema {
  return nullable ? { anyOf: [schema, { type: 'null' }] } : schema;
}

/** OpenAPI 3.0 has the old form of exclusive bounds: a flag beside the bound. */
function numericBounds(out: Record<string, unknown>): void {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (out[flag] === true) {
      out[flag] = out[bound];
      delete out[bound];
    } else if (out[flag] === false) {
      delete out[flag];
    }
  }
}
