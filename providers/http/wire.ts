/** Reading what providers send: tolerant of what is missing, never trusting what is there. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The objects of a list; what is none is left out. */
export function asObjects(value: unknown): readonly JsonObject[] {
  return asArray(value).flatMap((item): readonly JsonObject[] => {
    const object = asObject(item);
    return object === null ? [] : [object];
  });
}

/** A string with something in it. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** An error code: some servers send a number. */
export function asCode(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : (asText(value) ?? undefined);
}

/** A count from a header: a non-negative number, or null. */
export function asCount(value: string | undefined): number | null {
  if (value === undefined || value.trim() === '') return null;
  const count = Number(value);
  return Number.isFinite(count) && count >= 0 ? count : null;
}

/** A link that a browser may be given; anything but http and https is dropped. */
export function asWebLink(value: unknown): string | null {
  const text = asText(value);
  return text !== null && /^https?:\/\//i.test(text) ? text : null;
}

/**
 * The first failure of FastAPI's validation list, `[{ loc, msg, type }]`, with where it was found. `input` is left out: it
 * quotes the request.
 */
export function validationFailure(detail: unknown): { readonly code?: string; readonly message?: string } | null {
  const first = asObject(asArray(detail)[0]);
  const message = asText(first?.msg);
  if (first === null || message === null) return null;
  const where = asArray(first.loc)
    .filter((part) => typeof part === 'string' || typeof part === 'number')
    .join('.');
  return { code: asCode(first.type), message: where === '' ? message : `${message} (${where})` };
}
