import type { z } from 'zod';

export interface PriceBookFault {
  /** Where in the file: `rates[3].credits`; empty for the file itself. */
  readonly path: string;
  /** What is wrong and what to do; begins with a verb. */
  readonly message: string;
}

/** A price book that cannot be used, with every fault in it. */
export class PriceBookError extends Error {
  constructor(
    readonly source: string,
    readonly faults: readonly PriceBookFault[],
  ) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    const lines = faults.map(({ path, message }) => `  - ${path === '' ? 'the file' : path} ${message}`);
    super(`The price book ${source} has ${count}; nothing of it is used until all are corrected:\n${lines.join('\n')}`);
    this.name = 'PriceBookError';
  }
}

export function faultsOf(error: z.ZodError): PriceBookFault[] {
  return error.issues.flatMap((issue) => {
    const path = pathOf(issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      message: 'is not known; correct its spelling or remove it',
    }));
  });
}

const pathOf = (steps: readonly PropertyKey[]): string =>
  steps
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`))
    .join('');
