/** Where in a JSON text its values stand. */
export interface JsonPlaces {
  /** Line, from 1, of the value at a path such as `rates[3].credits`, or of what it is missing from. */
  lineOf(path: string): number;
  /** Keys that one object has more than once, of which a parser silently keeps the last. */
  readonly repeated: readonly { readonly path: string; readonly line: number }[];
}

/** Values in one another deeper than this are not looked at; no price book has more than five. */
const DEPTH_MAX = 64;

/** @param text JSON that a parser has accepted */
export function jsonPlaces(text: string): JsonPlaces {
  const lines = new Map<string, number>();
  const repeated: { path: string; line: number }[] = [];
  let at = 0;
  let line = 1;

  const skipSpace = (): void => {
    for (; ' \t\r\n'.includes(text[at] ?? 'x'); at++) if (text[at] === '\n') line++;
  };
  const skipString = (): string => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at++;
    return JSON.parse(text.slice(from, at)) as string;
  };
  /** Reads what is between the brackets, comma by comma. */
  const readItems = (end: string, readItem: (index: number) => void): void => {
    at++;
    skipSpace();
    for (let index = 0; text[at] !== end; index++) {
      readItem(index);
      skipSpace();
      if (text[at] === ',') at++;
      skipSpace();
    }
    at++;
  };
  const readValue = (path: string, depth: number): void => {
    skipSpace();
    if (depth > DEPTH_MAX) throw new RangeError('too deep');
    if (!lines.has(path)) lines.set(path, line);
    const first = text[at];
    if (first === '"') {
      skipString();
    } else if (first === '[') {
      readItems(']', (index) => readValue(`${path}[${index}]`, depth + 1));
    } else if (first === '{') {
      const seen = new Set<string>();
      readItems('}', () => {
        const keyLine = line;
        const key = skipString();
        const below = path === '' ? key : `${path}.${key}`;
        if (seen.has(key)) repeated.push({ path: below, line: keyLine });
        seen.add(key);
        skipSpace();
        at++;
        readValue(below, depth + 1);
      });
    } else {
      while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at++;
    }
  };
  try {
    readValue('', 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return {
    repeated,
    lineOf(path) {
      for (let place = path; place !== ''; place = place.replace(/(^|\.)[^.[\]]+$|\[\d+\]$/, '')) {
        const found = lines.get(place);
        if (found !== undefined) return found;
      }
      return lines.get('') ?? 1;
    },
  };
}
