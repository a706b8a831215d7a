import type { LimitedRequest } from './request-windows';

/** The argument of `rate_windows_admit`; migrations/sql/rate-windows.ts says what each list is. */
export interface WindowStatement {
  readonly counted: readonly string[];
  readonly read: readonly string[];
  readonly sizes: readonly number[];
  readonly places: readonly number[];
  readonly costs: readonly number[];
  readonly limits: readonly number[];
}

/** Its answer. */
export interface WindowStatementAnswer {
  readonly nowMs: number;
  readonly admitted: readonly boolean[];
  readonly used: readonly number[];
}

/** Joins documents, in the order in which they arrived, into one statement that names each key once. */
export function windowStatement(documents: readonly (readonly LimitedRequest[])[]): WindowStatement {
  const requests = documents.flat();
  const counted = new Set(requests.filter(({ cost }) => cost > 0).map(({ key }) => key));
  const read = new Set(requests.map(({ key }) => key).filter((key) => !counted.has(key)));
  const places = new Map([...counted, ...read].map((key, n) => [key, n + 1]));
  return {
    counted: [...counted],
    read: [...read],
    sizes: documents.map((document) => document.length),
    places: requests.map(({ key }) => places.get(key)!),
    costs: requests.map(({ cost }) => cost),
    limits: requests.map(({ limit }) => limit),
  };
}
