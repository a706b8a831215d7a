import type { z } from 'zod';

export interface PriceBookFault {
  /** Where in the file: `rates[3].credits`, `versions[1].plans[0].id`; empty for the file itself. */
  readonly path: string;
  /** What is wrong and what to write; begins with a verb. */
  readonly message: string;
  /** Line of the file, from 1; null where it is not known. What is missing is told at what it is missing from. */
  readonly line?: number | null;
}

/** A price book that cannot be used, with every fault in it. */
export class PriceBookError extends Error {
  constructor(
    readonly source: string,
    readonly faults: readonly PriceBookFault[],
    /** The file could not be read at all, so that nothing is known of what it holds. */
    readonly unreadable = false,
  ) {
    super(
      `The price book ${source} has ${countOf(faults)}; nothing of it is used until all are corrected:\n${linesOf(faults).join('\n')}`,
    );
    this.name = 'PriceBookError';
  }
}

/** "1 fault", "2 faults". */
export const countOf = (faults: readonly PriceBookFault[]): string =>
  faults.length === 1 ? '1 fault' : `${faults.length} faults`;

/** For people, one line for each fault. */
export const linesOf = (faults: readonly PriceBookFault[]): string[] =>
  faults.map(({ path, message, line }) => {
    const place = line ? `line ${line}: ` : '';
    return `  - ${place}${path === '' ? 'the file' : path} ${message}`;
  });

/** The same faults of a part of the file that lies at `prefix`. */
export const below = (prefix: string, faults: readonly PriceBookFault[]): PriceBookFault[] =>
  faults.map((fault) => ({ ...fault, path: joined(prefix, fault.path) }));

function joined(prefix: string, path: string): string {
  if (prefix === '' || path === '') return prefix + path;
  return path.startsWith('[') ? prefix + path : `${prefix}.${path}`;
}

/** Names under which a version's end is looked for; it has none of its own, so that dates leave neither gaps nor overlaps. */
const END_OF_VERSION = /^(effective|valid)?(until|to|end|ends|ends?at)$/i;

export function faultsOf(error: z.ZodError): PriceBookFault[] {
  return error.issues.flatMap((issue) => {
    const path = pathOf(issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({
      path: joined(path, key),
      message: END_OF_VERSION.test(key)
        ? 'is not known; remove it: a version holds until the next one begins'
        : 'is not known; correct its spelling or remove it',
    }));
  });
}

const pathOf = (steps: readonly PropertyKey[]): string =>
  steps
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`))
    .join('');
