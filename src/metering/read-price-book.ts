import type { z } from 'zod';
import { checkPlans, checkRates, type Entry } from './price-book-checks';
import { below, faultsOf, PriceBookError, type PriceBookFault } from './price-book-faults';
import { planSchema, rateSchema, versionSchema, type WrittenPriceBook, type WrittenVersion } from './price-book-file';
import { checkVersions } from './price-book-version-checks';

type Json = Readonly<Record<string, unknown>>;

/** What a file holds, as far as it can be read, and all that is wrong with it. */
interface Reading {
  readonly versions: readonly WrittenVersion[];
  readonly faults: readonly PriceBookFault[];
}

/**
 * Reads parsed JSON as a price book: one version, or `{ "versions": [...] }` with several.
 * @param source named in the error, such as the path of the file
 * @throws PriceBookError with all faults at once, those of form and those of meaning
 */
export function readPriceBook(json: unknown, source: string): WrittenPriceBook {
  const { versions, faults } = read(json);
  const [first, ...later] = versions;
  if (!first || faults.length > 0) throw new PriceBookError(source, faults);
  return { versions: [first, ...later] };
}

function read(json: unknown): Reading {
  if (!isObject(json)) {
    return { versions: [], faults: [{ path: '', message: 'is no price book; write one JSON object' }] };
  }
  if (!('versions' in json)) return readVersion(json);
  const { versions: listed, ...others } = json;
  const faults: PriceBookFault[] = Object.keys(others).map((key) => ({
    path: key,
    message: 'stands beside versions; move it into the version that it is of',
  }));
  if (!Array.isArray(listed) || listed.length === 0) {
    return {
      versions: [],
      faults: [...faults, { path: 'versions', message: 'is no list of versions; write at least one between [ and ]' }],
    };
  }
  const readings = listed.map((version, index) => {
    const reading = isObject(version)
      ? readVersion(version)
      : { versions: [], faults: [{ path: '', message: 'is no version; write one JSON object' }] };
    return { versions: reading.versions, faults: below(`versions[${index}]`, reading.faults) };
  });
  return {
    versions: readings.flatMap(({ versions }) => versions),
    faults: [...faults, ...readings.flatMap((reading) => reading.faults), ...checkVersions(listed)],
  };
}

function readVersion(json: Json): Reading {
  const whole = versionSchema.safeParse(json);
  const scope = versionSchema.shape.allowance.safeParse(json.allowance).data?.scope;
  const faults = [
    ...(whole.error ? faultsOf(whole.error) : []),
    ...checkPlans(readable(json.plans, planSchema), json.defaultPlan),
    ...checkRates(readable(json.rates, rateSchema), scope),
  ];
  return { versions: whole.success ? [whole.data] : [], faults };
}

/** Every entry of a list with those of its fields that can be read, so that one fault does not hide another. */
function readable<Shape extends z.ZodRawShape>(
  list: unknown,
  schema: z.ZodObject<Shape>,
): Entry<z.output<z.ZodObject<Shape>>>[] {
  const fields = Object.entries(schema.shape as unknown as Readonly<Record<string, z.ZodType>>);
  return (Array.isArray(list) ? list : []).flatMap((item: unknown, index) => {
    if (!isObject(item)) return [];
    const value = Object.fromEntries(fields.map(([name, field]) => [name, field.safeParse(item[name]).data]));
    return [{ index, value: value as Entry<z.output<z.ZodObject<Shape>>>['value'] }];
  });
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
