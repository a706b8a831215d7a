import { types } from 'node:util';
import { AppError } from '../lib/errors';

/** PostgreSQL's own words for "this connection is over" or "not now"; classes and codes of its appendix A. */
const SQL_STATES = new Set([
  '25P03', // idle_in_transaction_session_timeout
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P04', // database_dropped
  '57P05', // idle_session_timeout
]);
const CONNECTION_EXCEPTION_CLASS = '08';

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOENT', // the Unix socket is not there
  'ENOTSOCK',
]);

/** `pg` and `pg-pool` give these no code. */
const DRIVER_MESSAGES = [
  /^Connection terminated/,
  /^Client has encountered a connection error/,
  /^Client was closed/,
  /^timeout exceeded when trying to connect/,
  /^timeout expired/,
  /^Query read timeout/,
  /^Cannot use a pool after calling end/,
];

/**
 * The database is gone or does not answer. `outcomeUnknown`: the statement had been sent, so it may have been done
 * all the same; otherwise nothing happened.
 */
export class DatabaseUnavailableError extends AppError {
  constructor(
    readonly outcomeUnknown: boolean,
    cause: unknown,
  ) {
    super('UNAVAILABLE', 'The database cannot be reached, so nothing is served. Try again in a moment.', {}, cause);
    this.name = 'DatabaseUnavailableError';
  }
}

/**
 * Whether an error means that the connection, not the statement, failed: the database is gone, and a statement that
 * was under way may or may not have been done. False for every error that PostgreSQL raised about the statement.
 */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof DatabaseUnavailableError) return true;
  if (!types.isNativeError(error)) return false;
  const { code } = error as { code?: unknown };
  // PostgreSQL gives every error of its own a SQLSTATE, whatever its message says.
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !SYSTEM_CODES.has(code)) {
    return SQL_STATES.has(code) || code.startsWith(CONNECTION_EXCEPTION_CLASS);
  }
  if (typeof code === 'string') return SYSTEM_CODES.has(code);
  return DRIVER_MESSAGES.some((pattern) => pattern.test(error.message));
}
