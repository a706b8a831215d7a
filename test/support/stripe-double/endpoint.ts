import type { Parameters } from './form';
import { invalid } from './refusal';

/** One call of the API: what it takes, and what it does with it. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** `:id` stands for an id. */
  readonly path: string;
  readonly required?: readonly string[];
  readonly optional?: readonly string[];
  readonly run: (parameters: Parameters, id: string) => object;
}

/** Refuses what Stripe refuses: a parameter that is missing, and one that it does not know. */
export function checkParameters({ required = [], optional = [] }: Endpoint, parameters: Parameters): void {
  for (const name of required) {
    if (parameters[name] === undefined || parameters[name] === '') {
      throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing');
    }
  }
  for (const name of Object.keys(parameters)) {
    if (!required.includes(name) && !optional.includes(name) && name !== 'expand') {
      throw invalid(`Received unknown parameter: ${name}`, name, 'parameter_unknown');
    }
  }
}

/** One page of a list, newest first, as `limit` and `starting_after` say. */
export function pageOf<T extends { readonly id: string }>(
  all: readonly T[],
  parameters: Parameters,
): { readonly data: T[]; readonly hasMore: boolean } {
  const limit = Number(parameters.limit ?? 10);
  if (!(limit >= 1 && limit <= 100))
    throw invalid('This value must be between 1 and 100.', 'limit', 'parameter_invalid_integer');
  let from = 0;
  if (typeof parameters.starting_after === 'string') {
    from = all.findIndex(({ id }) => id === parameters.starting_after) + 1;
    if (from === 0)
      throw invalid(`No such object: '${parameters.starting_after}'`, 'starting_after', 'resource_missing');
  }
  return { data: all.slice(from, from + limit), hasMore: all.length > from + limit };
}
