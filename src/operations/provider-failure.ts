import { AudioFormatError } from '../../providers/audio/audio-format-error';
import { ProviderError } from '../../providers/contract/errors';
import type { AttemptRecord } from '../ledger/entries';
import { AppError, type ErrorCode } from '../lib/errors';
import type { Candidate } from './routing/candidate';

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

/**
 * A failure of the provider as clients see it. Of a retired model that was refused it names the successor, so `candidates`
 * are those that were tried.
 */
export function providerFailure(
  error: ProviderError,
  attempts: readonly AttemptRecord[],
  candidates: readonly Candidate[] = [],
): AppError {
  const fields: Record<string, unknown> = { provider: error.provider, retryable: error.retryable, attempts };
  if (error.retryAfterMs !== undefined) fields.retryAfterSeconds = Math.ceil(error.retryAfterMs / 1_000);
  const refused = error.kind === 'REJECTED' ? attempts.findLast(({ outcome }) => outcome === 'REJECTED') : undefined;
  const asked = candidates.find(
    ({ providerId, modelId }) => providerId === error.provider && modelId === refused?.model,
  );
  if (!asked?.retirement) return new AppError(CODES[error.kind], error.message, fields, error);
  const { retiredAt, successor } = asked.retirement;
  return new AppError(
    CODES[error.kind],
    `${sentence(error.message)} ${asked.name} retired ${asked.modelId} on ${retiredAt.slice(0, 10)}; ${
      successor === null ? 'choose another model' : `name ${successor}, or set routing.allowSuccessor`
    }.`,
    { ...fields, model: asked.modelId, successor },
    error,
  );
}

const sentence = (message: string): string => (/[.!?…]$/.test(message) ? message : `${message}.`);
