/** The closed list of codes that a client may branch on; the schema shows it as `enum ErrorCode`. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'TEXT_TOO_LONG',
  'NOT_FOUND',
  'CONFLICT',
  'ABORTED',
  'INSUFFICIENT_CREDITS',
  'MAX_CREDITS_EXCEEDED',
  'OVERAGE_LIMIT_REACHED',
  'END_USER_LIMIT_REACHED',
  'CLIENT_TOKEN_LIMIT_REACHED',
  'RATE_LIMITED',
  'PLAN_LIMIT',
  'QUERY_TOO_LARGE',
  'UNSUPPORTED',
  'PRICE_NOT_CONFIGURED',
  'PROVIDER_NOT_CONFIGURED',
  'PROVIDER_UNAUTHORIZED',
  'PROVIDER_REJECTED',
  'PROVIDER_UNAVAILABLE',
  'PROVIDER_TIMEOUT',
  'PAYLOAD_TOO_LARGE',
  'BILLING_NOT_CONFIGURED',
  'OUTCOME_UNKNOWN',
  'RESUME_EXPIRED',
  'SLOW_CONSUMER',
  'UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * The one error that reaches clients. `message` is public and tells the user what to do; `fields` are the typed
 * extension fields that belong to the code; `cause` is for the log alone.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, fields: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, { cause });
    this.name = 'AppError';
    this.code = code;
    this.fields = fields;
  }
}

export const badInput = (field: string, message: string): AppError =>
  new AppError('BAD_USER_INPUT', message, { field });
export const notFound = (what: string): AppError =>
  new AppError('NOT_FOUND', `There is no such ${what} in this workspace.`);
