import { HeaderMap } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { AppError, ERROR_CODES } from '../lib/errors';

const KNOWN_CODES: ReadonlySet<string> = new Set(ERROR_CODES);
/** Codes of graphql-js and Apollo whose messages speak of the document alone. */
const PUBLIC_CODES: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_REQUEST',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
]);
const MESSAGE_MAX = 1_000;

/** HTTP status of a refusal of the whole request. */
export const HTTP_STATUS: Readonly<Partial<Record<string, number>>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  PAYLOAD_TOO_LARGE: 413,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};

/**
 * What a client sees of an error, the same over HTTP and WebSocket: a code of the closed list, the typed fields of that
 * code, and a message that tells what to do. Anything unforeseen is logged and answered without detail.
 */
export function maskError(error: unknown, requestId: string, log: Logger): GraphQLFormattedError {
  const wrapped = error instanceof GraphQLError ? error : null;
  const cause = rootOf(error);
  const where = wrapped
    ? { ...(wrapped.locations && { locations: wrapped.locations }), ...(wrapped.path && { path: wrapped.path }) }
    : {};
  if (cause instanceof AppError) {
    if (cause.code === 'INTERNAL_SERVER_ERROR' || cause.code === 'UNAVAILABLE') {
      log.error({ requestId, code: cause.code, err: describe(cause.cause ?? cause) }, 'an operation failed');
    }
    return { message: cause.message, ...where, extensions: { ...cause.fields, code: cause.code, requestId } };
  }
  const code = wrapped ? publicCode(wrapped, cause) : null;
  if (wrapped && code) {
    if (/maximum call stack/i.test(wrapped.message)) {
      return {
        message: 'The document is nested too deeply; send it in parts.',
        extensions: { code: 'QUERY_TOO_LARGE', what: 'DEPTH', requestId },
      };
    }
    const tokens = tokenLimit(wrapped.message);
    if (tokens !== null) {
      return {
        message: 'The document has too many tokens; send it in parts.',
        extensions: { code: 'QUERY_TOO_LARGE', what: 'TOKENS', limit: tokens, actual: tokens + 1, requestId },
      };
    }
    const message = withoutInput(wrapped.message).slice(0, MESSAGE_MAX);
    return { message, ...where, extensions: { code, requestId } };
  }
  log.error({ requestId, err: describe(cause) }, 'an unexpected error');
  return {
    message: 'Something went wrong on our side. It has been recorded; quote requestId when you ask about it.',
    ...where,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  };
}

/** A GraphQL error that a plugin of the HTTP server can throw: it carries its status and headers. */
export function requestRefusal(error: AppError, headers: HeaderMap = new HeaderMap()): GraphQLError {
  const status = HTTP_STATUS[error.code] ?? 400;
  // The cause is set apart: the options' own type asks more of an original error than the library does.
  const refusal = new GraphQLError(error.message);
  Object.assign(refusal.extensions, { code: error.code, http: { status, headers } });
  Object.defineProperty(refusal, 'originalError', { value: error });
  return refusal;
}

/** graphql-js repeats a whole input object beside one field that does not fit, and another field may be a secret. */
const withoutInput = (message: string): string =>
  message.replace(/^(Variable "\$\w+") got invalid value \{.*\}( at "[\w.[\]]+")?; /s, '$1 got an invalid value$2; ');

function rootOf(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return current;
}

/** null: an error of ours that says nothing to a client. */
function publicCode(error: GraphQLError, cause: unknown): string | null {
  const code = error.extensions.code;
  if (typeof code === 'string' && PUBLIC_CODES.has(code)) return code;
  if (typeof code === 'string' && KNOWN_CODES.has(code) && code !== 'INTERNAL_SERVER_ERROR') return code;
  if (code === undefined && error.message.startsWith('Variable "$')) return 'BAD_USER_INPUT';
  // graphql-js itself, over a socket: no code, and no other error behind it.
  if (code === undefined && cause === error)
    return error.nodes || error.positions ? 'GRAPHQL_VALIDATION_FAILED' : 'BAD_USER_INPUT';
  return null;
}

/** graphql-js reports a document of too many tokens as a syntax error, stops counting there, and writes "more that". */
function tokenLimit(message: string): number | null {
  const match = /more tha[nt] (\d+) tokens/i.exec(message);
  return match ? Number(match[1]) : null;
}

/** Errors reach the log without the properties that libraries hang on them: those may hold what was sent. */
export function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause !== undefined && { cause: describe(error.cause) }),
  };
}
