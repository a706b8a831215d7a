import { registerEnumType } from '../decorators';

/**
 * A GraphQL enum whose values are their own names, so that TypeScript sees a plain union of strings. `values` maps
 * each name to its description; none can be left without one.
 */
export function defineEnum<Name extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Name, string>>,
): { readonly [Value in Name]: Value } {
  const entries = Object.entries<string>(values);
  const enumObject = Object.fromEntries(entries.map(([value]) => [value, value])) as { [Value in Name]: Value };
  const valuesConfig = Object.fromEntries(entries.map(([value, text]) => [value, { description: text }]));
  registerEnumType(enumObject, {
    name,
    description,
    valuesConfig: valuesConfig as { [Value in Name]: { description: string } },
  });
  return enumObject;
}
