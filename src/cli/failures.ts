import { CommanderError } from 'commander';
import { SettingsError } from '../config';
import { AppError, type ErrorCode } from '../lib/errors';
import { PriceBookError } from '../metering/price-book-faults';
import { EXIT, type ExitCode } from './exit-codes';

/** Wrong usage, with the command whose help tells the right one. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command: string,
  ) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  /** For people: what is wrong and what to do. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The data's own answers to a well-formed command; everything else keeps it from working. */
const NEGATIVE: ReadonlySet<ErrorCode> = new Set(['NOT_FOUND', 'CONFLICT', 'PLAN_LIMIT', 'FORBIDDEN']);

export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    return {
      exitCode: EXIT.unable,
      code: 'USAGE',
      message: `${error.message} See: ${error.command} --help`,
      fields: {},
    };
  }
  if (error instanceof SettingsError) {
    return { exitCode: EXIT.unable, code: 'SETTINGS', message: error.message, fields: { faults: error.faults } };
  }
  if (error instanceof PriceBookError) {
    return { exitCode: EXIT.unable, code: 'PRICE_BOOK', message: error.message, fields: { faults: error.faults } };
  }
  if (error instanceof AppError) {
    const exitCode = NEGATIVE.has(error.code) ? EXIT.negative : EXIT.unable;
    return { exitCode, code: error.code, message: error.message, fields: error.fields };
  }
  return { exitCode: EXIT.unable, code: 'FAILED', message: messageOf(error), fields: {} };
}

/** commander says "error: unknown option '--x'", and a guess on a line of its own. */
export function usageMessage(error: CommanderError): string {
  const text = error.message
    .replace(/^error: /, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** An error that lists what happened under it (such as one for each address that was tried) may have no text itself. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  const under = error instanceof AggregateError ? error.errors[0] : error.cause;
  return under === undefined ? error.name : messageOf(under);
}
