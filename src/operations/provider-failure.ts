import { AudioFormatError } from '../../providers/audio/audio-format-error';
import { ProviderError } from '../../providers/contract/errors';
import type { AttemptRecord } from '../ledger/entries';
import { AppError, type ErrorCode } from '../lib/errors';

const CODES: Readonly<Record<ProviderError['kind'], ErrorCode>> = {
  REJECTED: 'PROVIDER_REJECTED',
  UNAUTHORIZED: 'PROVIDER_UNAUTHORIZED',
  UNAVAILABLE: 'PROVIDER_UNAVAILABLE',
  TIMEOUT: 'PROVIDER_TIMEOUT',
  CANCELLED: 'ABORTED',
};

const OUTCOMES: Readonly<Record<ProviderError['kind'], AttemptRecord['outcome']>> = {
  REJECTED: 'REJECTED',
  UNAUTHORIZED: 'UNAUTHORIZED',
  UNAVAILABLE: 'UNAVAILABLE',
  TIMEOUT: 'TIMED_OUT',
  CANCELLED: 'CANCELLED',
};

export const attemptOutcome = (error: ProviderError): AttemptRecord['outcome'] => OUTCOMES[error.kind];
export const attemptCode = (error: ProviderError): ErrorCode => CODES[error.kind];

/** Audio that is not what it should be is the provider's failure: cut or empty may be better next time, wrong bytes not. */
export function asProviderError(provider: string, error: unknown): ProviderError | null {
  if (error instanceof ProviderError) return error;
  if (!(error instanceof AudioFormatError)) return null;
  const passing = error.fault === 'EMPTY' || error.fault === 'TRUNCATED' || error.fault === 'NO_AUDIO';
  return new ProviderError({
    provider,
    kind: passing ? 'UNAVAILABLE' : 'REJECTED',
    retryable: passing,
    message: `The provider's answer is not the audio that was asked for: ${error.message}`,
    cause: error,
  });
}

/** A failure of the provider as clients see it. */
export function providerFailure(error: ProviderError, attempts: readonly AttemptRecord[]): AppError {
  return new AppError(
    CODES[error.kind],
    error.message,
    { provider: error.provider, retryable: error.retryable, attempts },
    error,
  );
}
