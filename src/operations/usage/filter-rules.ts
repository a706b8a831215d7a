import { isEndUserId } from '../../lib/end-user-id';
import { badInput } from '../../lib/errors';
import { isId } from '../../lib/ids';

/** Values of one list of a filter. */
const LIST_MAX = 100;
/** Longer than any id of a provider. */
const ID_MAX = 200;
/** What no database takes. */
const UNSTORABLE = /[\0\p{Cs}]/u;

/** null stays null: it does not narrow. @throws AppError BAD_USER_INPUT for a list that is too long */
export function checkListSize<Value>(
  field: string,
  values: readonly Value[] | null | undefined,
): readonly Value[] | null {
  if (values == null) return null;
  if (values.length > LIST_MAX) throw badInput(field, `${field} takes at most ${LIST_MAX} values.`);
  return values;
}

/** Those that can be an id at all; the others name nothing, so that they find nothing. */
export function storableIds(
  values: readonly string[] | null,
  form: 'uuid' | 'text' = 'text',
): readonly string[] | null {
  const fits = form === 'uuid' ? isId : (id: string): boolean => id.length <= ID_MAX && !UNSTORABLE.test(id);
  return values?.filter(fits) ?? null;
}

/** @throws AppError BAD_USER_INPUT with the field, for more than 100 or for one that can be nobody's */
export function checkEndUserIds(field: string, values: readonly string[] | null | undefined): readonly string[] | null {
  return checkListSize(field, values)?.map((value) => checkEndUserIn(field, value)) ?? null;
}

/** @throws AppError BAD_USER_INPUT with the field, for a name that can be nobody's; it does not repeat what was sent */
export function checkEndUserIn(field: string, value: string): string {
  if (isEndUserId(value)) return value;
  throw badInput(field, `An end user's id has 1 to 128 characters without control characters; ${field} has another.`);
}
