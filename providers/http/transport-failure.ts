import type { ProviderError } from '../contract/errors';
import { type ProviderIdentity, rejected, timedOut, unavailable } from './provider-failures';

/** What a fault of the connection says about the call; `answering` when the answer had begun, with `status` or 0. */
export function transportFailure(
  who: ProviderIdentity,
  error: Error,
  status: number,
  answering: boolean,
): ProviderError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return timedOut(who, 'could not be reached in time');
  if (code === 'UND_ERR_INVALID_ARG') {
    const what = 'could not be called: the request holds a character that HTTP does not allow';
    return rejected(who, what, undefined, error);
  }
  const what = answering
    ? 'broke off in the middle of its answer'
    : 'could not be reached, or hung up without an answer';
  return unavailable(who, what, error, status > 0 ? status : undefined);
}
