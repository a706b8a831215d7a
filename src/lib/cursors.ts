import { createHash } from 'node:crypto';
import { type AppError, badInput } from './errors';

/** What a cursor belongs to: it opens no place in another workspace's list, in another query or under another filter. */
export interface CursorBinding {
  readonly workspaceId: string;
  /** Name of the query field. */
  readonly query: string;
  /** The query's filter; the order of its fields does not matter, and a field that is null equals one that is left out. */
  readonly filter?: unknown;
}

export interface Page<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

const FIRST_MAX = 100;
const CHECK_BYTES = 9;
const CURSOR_MAX = 1_024;

/** `first` of a list, 1 to 100; otherwise BAD_USER_INPUT. */
export function checkFirst(first: number): number {
  if (!Number.isInteger(first) || first < 1 || first > FIRST_MAX) {
    throw badInput('first', `first takes a whole number from 1 to ${FIRST_MAX}; read on with after.`);
  }
  return first;
}

/** An opaque cursor of the strings that name a place in a list. They are not secret: who holds the cursor has seen them. */
export function encodeCursor(binding: CursorBinding, position: readonly string[]): string {
  const payload = Buffer.from(JSON.stringify(position));
  return Buffer.concat([check(binding, payload), payload]).toString('base64url');
}

/**
 * The strings that `encodeCursor` was given under the same binding; null for no cursor. BAD_USER_INPUT for any other
 * string: damaged, or of another workspace, query or filter. The check keeps out mistakes, not malice: what the strings
 * say is input like any other, so the list is still read for the workspace alone, and a part that must be an id is checked.
 */
export function decodeCursor(binding: CursorBinding, cursor: string | null | undefined): readonly string[] | null {
  if (cursor == null) return null;
  const bytes = cursor.length <= CURSOR_MAX ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0);
  const payload = bytes.subarray(CHECK_BYTES);
  // Decoding base64url skips what it does not know; encoding again finds such spellings.
  const whole = bytes.length > CHECK_BYTES && bytes.toString('base64url') === cursor;
  const position = whole && check(binding, payload).equals(bytes.subarray(0, CHECK_BYTES)) ? parse(payload) : null;
  if (position === null) throw foreignCursor();
  return position;
}

/** For a cursor that decodes to a place that the list cannot have. */
export const foreignCursor = (): AppError =>
  badInput(
    'after',
    'This cursor does not belong to this list: send the cursor of an edge or an endCursor of the same query with the same filter, or leave after out.',
  );

/** The check is no secret, so whoever reads this file can make a cursor of anything. */
function parse(payload: Buffer): readonly string[] | null {
  try {
    const position: unknown = JSON.parse(payload.toString());
    return Array.isArray(position) && position.every((part) => typeof part === 'string') ? position : null;
  } catch {
    return null;
  }
}

/**
 * The page of `first` items, of rows that were read with a limit of `first` + 1: the one too many tells that there is
 * a next page.
 */
export function pageOf<Node>(
  rows: readonly Node[],
  first: number,
  after: string | null | undefined,
  cursorOf: (node: Node) => string,
): Page<Node> {
  const edges = rows.slice(0, first).map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function check({ workspaceId, query, filter }: CursorBinding, payload: Buffer): Buffer {
  const hash = createHash('sha256')
    .update(JSON.stringify([workspaceId, query, canonical(filter)]))
    .update('\0');
  return hash.update(payload).digest().subarray(0, CHECK_BYTES);
}

/** Equal for filters that mean the same. Dates and big integers get a form of their own. */
function canonical(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return ['date', value.getTime()];
  if (typeof value === 'bigint') return ['integer', value.toString()];
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object') return value;
  return Object.entries(value)
    .filter(([, item]) => item != null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, canonical(item)]);
}
