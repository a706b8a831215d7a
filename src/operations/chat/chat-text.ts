import { badInput } from '../../lib/errors';
import { countCodePoints } from '../../speech-text/count-characters';
import { SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX } from './chat-limits';

/** Control characters (C0, DEL and C1) but tab and line ends, and halves of surrogate pairs. */
const UNFIT = /(?![\t\n\r])\p{Cc}|\p{Cs}/u;

/**
 * Refuses what no provider can be given, as for speech: control characters other than tab and line ends, and half a
 * surrogate pair.
 * @throws AppError BAD_USER_INPUT with the field
 */
export function checkText(field: string, text: string): void {
  const found = UNFIT.exec(text);
  if (!found) return;
  const unit = found[0].charCodeAt(0);
  const at = countCodePoints(text.slice(0, found.index)) + 1;
  const name = `U+${unit.toString(16).toUpperCase().padStart(4, '0')}`;
  throw badInput(
    field,
    unit >= 0xd800
      ? `${field} has half of a surrogate pair (${name}) as character ${at}; send well-formed Unicode.`
      : `${field} has the control character ${name} as character ${at}; remove it. Of the control characters, only tabs and line ends are taken.`,
  );
}

/**
 * A JSON schema of an object, whose meaning is the provider's to judge: only its form is looked at here.
 * @returns its UTF-8 bytes as JSON
 * @throws AppError BAD_USER_INPUT with the field
 */
export function checkSchema(field: string, schema: Readonly<Record<string, unknown>>): number {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw badInput(field, `${field} takes a JSON schema, which is an object.`);
  }
  checkJson(field, schema);
  if (schema.type !== undefined && schema.type !== 'object') {
    throw badInput(field, `${field} takes the JSON schema of an object: its type is "object".`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > SCHEMA_BYTES_MAX) {
    throw badInput(field, `${field} has ${bytes} bytes as JSON and at most ${SCHEMA_BYTES_MAX} are taken.`);
  }
  return bytes;
}

/** Without recursion: what comes in may be nested deeper than a stack is. */
function checkJson(field: string, root: unknown): void {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') checkText(field, value);
    if (typeof value !== 'object' || value === null) continue;
    if (depth > SCHEMA_DEPTH_MAX) {
      throw badInput(field, `${field} is nested deeper than ${SCHEMA_DEPTH_MAX} levels.`);
    }
    for (const [key, item] of Object.entries(value)) {
      checkText(field, key);
      open.push({ value: item, depth: depth + 1 });
    }
  }
}

/** Whether a text is a JSON object, as arguments of a tool are. */
export function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
