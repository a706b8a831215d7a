import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

type Schema = { readonly [name: string]: unknown };

/** Where the providers' own OpenAPI files lie; they are not part of this repository. */
const SPECS_DIR =
  process.env.PROVIDER_SPECS_DIR ?? resolve(__dirname, '..', '..', '..', 'shared', 'providers', 'specs');

/** A provider's own OpenAPI document in JSON; null where the machine has none, and the tests that need it are skipped. */
export function openApiDocument(fileName: string): OpenApiDocument | null {
  const path = join(SPECS_DIR, fileName);
  return existsSync(path) ? new OpenApiDocument(JSON.parse(readFileSync(path, 'utf8')) as Schema) : null;
}

/** The part of OpenAPI 3 and JSON Schema that the providers' documents use. Unknown properties are faults: we send none. */
export class OpenApiDocument {
  constructor(private readonly document: Schema) {}

  /** What a request breaks of the operation's documented form, as readable lines; none when it keeps to it. */
  requestFaults(method: 'get' | 'post', template: string, path: string, json: unknown): string[] {
    const operation = (this.at(['paths', template, method]) ?? null) as Schema | null;
    if (operation === null) return [`${method} ${template} is not documented`];
    const url = new URL(path, 'http://document');
    const expected = new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`);
    const faults = expected.test(url.pathname) ? [] : [`${url.pathname} is not ${template}`];
    const parameters = operation.parameters as { name: string; in: string; required?: boolean; schema: Schema }[];
    for (const [name, value] of url.searchParams) {
      const parameter = parameters.find((candidate) => candidate.in === 'query' && candidate.name === name);
      if (parameter === undefined) {
        faults.push(`query ${name}: unknown`);
        continue;
      }
      const asText = this.faults(parameter.schema, value, `query ${name}`);
      if (asText.length > 0 && this.faults(parameter.schema, typed(value), name).length > 0) faults.push(...asText);
    }
    const body = this.at(['requestBody', 'content', 'application/json', 'schema'], operation) as Schema | undefined;
    if (body !== undefined) faults.push(...this.faults(body, json, 'body'));
    else if (json !== undefined) faults.push('body: not documented');
    return faults;
  }

  /** What a document of ours (a stand-in's answer) breaks of a named schema. */
  schemaFaults(name: string, value: unknown): string[] {
    return this.faults({ $ref: `#/components/schemas/${name}` }, value, name);
  }

  private faults(schema: Schema, value: unknown, where: string): string[] {
    if (typeof schema.$ref === 'string')
      return this.faults(this.at(schema.$ref.slice(2).split('/')) as Schema, value, where);
    if (Array.isArray(schema.anyOf)) {
      const each = (schema.anyOf as Schema[]).map((choice) => this.faults(choice, value, where));
      return each.some((faults) => faults.length === 0) ? [] : each.flat();
    }
    if (Array.isArray(schema.enum) && !schema.enum.includes(value))
      return [`${where}: ${JSON.stringify(value)} is not in the list`];
    const type = schema.type as string | undefined;
    if (type !== undefined && !TYPES[type]!(value)) return [`${where}: not of type ${type}`];
    if (typeof value === 'number') {
      if (typeof schema.minimum === 'number' && value < schema.minimum) return [`${where}: below ${schema.minimum}`];
      if (typeof schema.maximum === 'number' && value > schema.maximum) return [`${where}: above ${schema.maximum}`];
    }
    if (Array.isArray(value))
      return value.flatMap((item, index) => this.faults((schema.items ?? {}) as Schema, item, `${where}[${index}]`));
    if (type !== 'object') return [];
    const object = value as Schema;
    const missing = ((schema.required as string[] | undefined) ?? []).filter((name) => !(name in object));
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    const rest = (schema.additionalProperties ?? (schema.properties === undefined ? {} : null)) as Schema | null;
    return [
      ...missing.map((name) => `${where}.${name}: missing`),
      ...Object.entries(object).flatMap(([name, item]) => {
        const property = properties[name] ?? rest;
        return property === null ? [`${where}.${name}: unknown`] : this.faults(property, item, `${where}.${name}`);
      }),
    ];
  }

  private at(path: readonly string[], from: unknown = this.document): unknown {
    return path.reduce<unknown>((value, name) => (value as Schema | undefined)?.[name], from);
  }
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** What a query value may stand for, beside the text that it is. */
function typed(value: string): unknown {
  if (value === 'true' || value === 'false') return value === 'true';
  return /^\d+$/.test(value) ? Number(value) : value;
}
