import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ErrorObject, ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { parse as parseYaml } from 'yaml';
import { closedSchema, type Schema } from './closed-schema';

/** Where the providers' own OpenAPI files lie; they are not part of this repository. */
const SPECS_DIR =
  process.env.PROVIDER_SPECS_DIR ?? resolve(__dirname, '..', '..', '..', 'shared', 'providers', 'specs');

const read = new Map<string, OpenApiDocument>();

/**
 * A provider's own OpenAPI document, JSON or YAML by the name's ending; null where the machine has none, and the tests that
 * need it are skipped.
 */
export function openApiDocument(fileName: string): OpenApiDocument | null {
  const path = join(SPECS_DIR, fileName);
  if (!existsSync(path)) return null;
  let document = read.get(fileName);
  if (document === undefined) {
    const text = readFileSync(path, 'utf8');
    // Anchors are used as often as the writer of a file likes; these files are trusted.
    const value = fileName.endsWith('.json') ? JSON.parse(text) : parseYaml(text, { maxAliasCount: -1 });
    document = new OpenApiDocument(value as Schema);
    read.set(fileName, document);
  }
  return document;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
export type HttpMethod = (typeof METHODS)[number];

/** One field of a multipart form: text, or a file when it has a file name. */
export interface FormField {
  readonly name: string;
  readonly value?: string;
  readonly fileName?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path' | 'cookie';
  readonly required?: boolean;
  readonly schema: Schema;
}

/** Holds requests, and documents of our own, against an OpenAPI 3 document. Unknown properties are faults: we send none. */
export class OpenApiDocument {
  private readonly ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    validateSchema: false,
    unicodeRegExp: false,
    logger: false,
  });
  private readonly validators = new Map<Schema, ValidateFunction>();

  constructor(private readonly document: Schema) {
    addFormats(this.ajv);
  }

  /**
   * What a request breaks of the operation's documented form, as readable lines; none when it keeps to it. `template` is a key
   * of `paths`; `path` is path and query as sent, with the path of a documented server in front. `json` is undefined where
   * there is no body.
   */
  requestFaults(method: HttpMethod, template: string, path: string, json: unknown): string[] {
    const operation = this.operation(method, template);
    if (operation === null) return [`${method} ${template} is not documented`];
    const faults = this.addressFaults(template, operation, path);
    const body = this.bodySchema(operation, 'application/json');
    if (body !== null && json !== undefined) faults.push(...this.faults(body, json, 'body'));
    else if (json !== undefined) faults.push('body: not documented');
    else if (this.resolved(operation.requestBody)?.required === true || body !== null) faults.push('body: missing');
    return faults;
  }

  /** The same for a request whose body is a multipart form. A form part of an adapter is a FormField. */
  formFaults(method: HttpMethod, template: string, path: string, fields: readonly FormField[]): string[] {
    const operation = this.operation(method, template);
    if (operation === null) return [`${method} ${template} is not documented`];
    const faults = this.addressFaults(template, operation, path);
    const schema = this.bodySchema(operation, 'multipart/form-data');
    if (schema === null) return [...faults, 'form: not documented'];
    const form: Record<string, unknown> = {};
    for (const name of new Set(fields.map((field) => field.name))) {
      const same = fields.filter((field) => field.name === name);
      // "name[]" is how a list is written; some documents name it with the brackets, some without.
      const plain = name.endsWith('[]') && this.properties(schema, name).length === 0 ? name.slice(0, -2) : name;
      const properties = this.properties(schema, plain);
      if (
        properties.some((property) => this.isFile(property)) !== same.some(({ fileName }) => fileName !== undefined)
      ) {
        faults.push(`form.${name}: ${same[0]!.fileName === undefined ? 'not a file' : 'a file is not documented'}`);
      }
      const texts = same.map((field) => field.value ?? '');
      const meanings = meaningsOf(texts, name.endsWith('[]'));
      form[plain] =
        meanings.find((value) => properties.every((each) => this.faults(each, value, '').length === 0)) ?? texts[0];
    }
    return [...faults, ...this.faults(schema, form, 'form')];
  }

  /** What request headers break: those that the operation requires or restricts. Authorization is the test's own business. */
  headerFaults(method: HttpMethod, template: string, headers: Readonly<Record<string, unknown>>): string[] {
    const operation = this.operation(method, template);
    if (operation === null) return [`${method} ${template} is not documented`];
    const sent = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return this.parameters(template, operation, 'header').flatMap((parameter) => {
      const value = sent.get(parameter.name.toLowerCase());
      if (parameter.name.toLowerCase() === 'authorization') return [];
      if (value === undefined) return parameter.required === true ? [`header ${parameter.name}: missing`] : [];
      return this.faults(parameter.schema, value, `header ${parameter.name}`);
    });
  }

  /** Every operation that is documented. */
  operations(): { readonly method: HttpMethod; readonly template: string }[] {
    return Object.entries(this.document.paths as Record<string, Schema>).flatMap(([template, item]) =>
      METHODS.filter((method) => item[method] !== undefined).map((method) => ({ method, template })),
    );
  }

  /** What a document of ours (a stand-in's answer) breaks of a named schema. */
  schemaFaults(name: string, value: unknown): string[] {
    return this.faults(this.at(`#/components/schemas/${escapePointer(name)}`) as Schema, value, name);
  }

  private operation(method: HttpMethod, template: string): Schema | null {
    return (this.at(`#/paths/${escapePointer(template)}/${method}`) ?? null) as Schema | null;
  }

  private addressFaults(template: string, operation: Schema, path: string): string[] {
    const url = new URL(path, 'http://document');
    const faults = this.serverPaths().some((prefix) => pathPattern(prefix + template).test(url.pathname))
      ? []
      : [`${url.pathname} is not ${template}`];
    const parameters = this.parameters(template, operation, 'query');
    for (const name of new Set(url.searchParams.keys())) {
      const parameter = parameters.find((candidate) => candidate.name === name);
      if (parameter === undefined) {
        faults.push(`query ${name}: unknown`);
        continue;
      }
      const [asText, ...others] = meaningsOf(url.searchParams.getAll(name), false).map((value) =>
        this.faults(parameter.schema, value, `query ${name}`),
      );
      if (asText!.length > 0 && others.every((found) => found.length > 0)) faults.push(...asText!);
    }
    for (const { name, required } of parameters) {
      if (required === true && !url.searchParams.has(name)) faults.push(`query ${name}: missing`);
    }
    return faults;
  }

  private parameters(template: string, operation: Schema, place: Parameter['in']): Parameter[] {
    const shared = this.at(`#/paths/${escapePointer(template)}/parameters`);
    return [shared, operation.parameters]
      .flatMap((list) => (Array.isArray(list) ? (list as Schema[]) : []))
      .map((parameter) => this.resolved(parameter) as unknown as Parameter)
      .filter((parameter) => parameter.in === place);
  }

  private serverPaths(): string[] {
    const servers = (this.document.servers as { url: string }[] | undefined) ?? [];
    const paths = servers.map(({ url }) =>
      new URL(url.replace(/[{}]/g, ''), 'http://document').pathname.replace(/\/$/, ''),
    );
    return paths.length === 0 ? [''] : paths;
  }

  private bodySchema(operation: Schema, contentType: string): Schema | null {
    const content = this.resolved(operation.requestBody)?.content as Record<string, { schema?: Schema }> | undefined;
    return content?.[contentType]?.schema ?? null;
  }

  /** Every schema that a composed schema gives to one property. */
  private properties(schema: Schema, name: string): Schema[] {
    const whole = this.resolved(schema)!;
    const own = (whole.properties as Record<string, Schema> | undefined)?.[name];
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (whole[keyword] as Schema[] | undefined) ?? []);
    return [...(own === undefined ? [] : [own]), ...parts.flatMap((part) => this.properties(part, name))];
  }

  private isFile(schema: Schema): boolean {
    const whole = this.resolved(schema)!;
    if (whole.format === 'binary' || whole.contentMediaType !== undefined) return true;
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (whole[keyword] as Schema[] | undefined) ?? []);
    return [...parts, ...(whole.items === undefined ? [] : [whole.items as Schema])].some((part) => this.isFile(part));
  }

  private faults(schema: Schema, value: unknown, where: string): string[] {
    let validate = this.validators.get(schema);
    if (validate === undefined) {
      validate = this.ajv.compile(closedSchema(schema, (pointer) => this.at(pointer)));
      this.validators.set(schema, validate);
    }
    return validate(value) ? [] : [...new Set((validate.errors ?? []).map((error) => faultLine(error, where)))];
  }

  private resolved(value: unknown): Schema | null {
    let schema = (value ?? null) as Schema | null;
    while (typeof schema?.$ref === 'string') schema = this.at(schema.$ref) as Schema;
    return schema;
  }

  private at(pointer: string): unknown {
    const names = pointer.slice(2).split('/');
    return names.reduce<unknown>(
      (value, name) =>
        (value as Schema | undefined)?.[decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')],
      this.document,
    );
  }
}

function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** A template may carry a mark behind "#" that tells two operations of one path apart. */
function pathPattern(template: string): RegExp {
  const parts = template.split('#', 1)[0]!.split(/\{[^}]+\}/);
  return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')).join('[^/]+')}$`);
}

/** What texts of a query or form may stand for, the text itself first. */
function meaningsOf(texts: readonly string[], list: boolean): unknown[] {
  const lists = [[...texts], texts.map(typed)];
  return texts.length === 1 && !list ? [texts[0], typed(texts[0]!), ...lists] : lists;
}

function typed(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function faultLine({ keyword, instancePath, params, message }: ErrorObject, root: string): string {
  const where =
    root +
    instancePath
      .split('/')
      .slice(1)
      .map((name) => (/^\d+$/.test(name) ? `[${name}]` : `.${name.replaceAll('~1', '/').replaceAll('~0', '~')}`))
      .join('');
  if (keyword === 'required') return `${where}.${params.missingProperty}: missing`;
  if (keyword === 'unevaluatedProperties') return `${where}.${params.unevaluatedProperty}: unknown`;
  if (keyword === 'additionalProperties') return `${where}.${params.additionalProperty}: unknown`;
  return `${where}: ${message}`;
}
