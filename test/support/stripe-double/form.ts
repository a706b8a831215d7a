/** Parameters as Stripe reads them: a[b][0][c]=d. Leaves are strings, as they came. */
export type Parameter = string | readonly Parameter[] | Parameters;
export interface Parameters {
  readonly [name: string]: Parameter;
}

interface Branch {
  [name: string]: string | Branch;
}

export function parseForm(text: string): Parameters {
  const root: Branch = {};
  for (const [path, value] of new URLSearchParams(text)) {
    const names = path.replaceAll(']', '').split('[');
    let branch = root;
    names.forEach((name, index) => {
      const key = name === '' ? String(Object.keys(branch).length) : name;
      if (index === names.length - 1) {
        branch[key] = value;
      } else {
        branch[key] ??= {};
        branch = branch[key] as Branch;
      }
    });
  }
  return asLists(root) as Parameters;
}

/** Branches whose names are 0, 1, 2 ... are lists. */
function asLists(value: string | Branch): Parameter {
  if (typeof value === 'string') return value;
  const entries = Object.entries(value);
  if (entries.length > 0 && entries.every(([name], index) => name === String(index))) {
    return entries.map(([, item]) => asLists(item));
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, asLists(item)]));
}

export const textOf = (value: Parameter | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

export const listOf = (value: Parameter | undefined): readonly Parameter[] => (Array.isArray(value) ? value : []);

export const branchOf = (value: Parameter | undefined): Parameters =>
  value !== undefined && typeof value === 'object' && !Array.isArray(value) ? (value as Parameters) : {};

export const textsOf = (value: Parameter | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(branchOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
