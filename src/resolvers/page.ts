import { Arg, Int } from '../../schema/decorators';
import { badInput } from '../lib/errors';

/** Items of a page when the caller does not say, and at most. */
export const PAGE_DEFAULT = 50;
export const PAGE_MAX = 100;

/** Which part of a list is asked for. */
export interface Page {
  /** 1 to 100. */
  readonly first: number;
  /** Cursor of the item before the page; null: from the start. */
  readonly after: string | null;
}

/** @throws AppError BAD_USER_INPUT when `first` is out of range. A null counts as left out. */
export function pageOf(first: number | null | undefined, after: string | null | undefined): Page {
  const size = first ?? PAGE_DEFAULT;
  if (size < 1 || size > PAGE_MAX)
    throw badInput('first', `first is ${size}; ask for 1 to ${PAGE_MAX} items at a time.`);
  return { first: size, after: after ?? null };
}

/** The argument `first` of a list. */
export const First = (): ParameterDecorator =>
  Arg('first', () => Int, {
    nullable: true,
    defaultValue: PAGE_DEFAULT,
    description: 'Items of the page, 1 to 100; more is BAD_USER_INPUT.',
  }) as ParameterDecorator;

/** The argument `after` of a list. */
export const After = (): ParameterDecorator =>
  Arg('after', () => String, {
    nullable: true,
    description: 'endCursor of the page before; from the start, when left out.',
  }) as ParameterDecorator;
