import { ProviderError } from '../contract/errors';
import type { HttpEndpoint } from '../contract/provider';
import { safeMessage } from './provider-failures';

/**
 * The ProviderError for an error that came inside an answer, in the adapter's reading. Its message is the provider's own: the
 * sender, who knows the key and the texts, makes it safe with `withoutSecrets` before anyone sees it.
 */
export function errorInAnswer(adapter: HttpEndpoint, body: unknown): ProviderError {
  const { code, message, kind = 'UNAVAILABLE', retryable = kind === 'UNAVAILABLE' } = adapter.errorOf(body);
  return new ProviderError({
    provider: adapter.provider,
    kind,
    retryable,
    message: `${adapter.name} answered with an error: ${message ?? code ?? 'it gave no reason'}`,
    providerCode: code,
  });
}

/** The same error without the strings that must not be quoted back, and with the exchange that it belongs to. */
export function withoutSecrets(
  error: ProviderError,
  hidden: readonly string[],
  exchange: { readonly status?: number; readonly upstreamRequestId?: string | null },
): ProviderError {
  return new ProviderError({
    provider: error.provider,
    kind: error.kind,
    retryable: error.retryable,
    message: safeMessage(error.message, hidden),
    status: error.status ?? exchange.status,
    providerCode: error.providerCode === undefined ? undefined : safeMessage(error.providerCode, hidden),
    upstreamRequestId: error.upstreamRequestId ?? exchange.upstreamRequestId ?? undefined,
    retryAfterMs: error.retryAfterMs,
    // The cause is left behind: nothing says that it is safe.
  });
}
