import type { ErrorAnswer, ProviderWords } from '../contract/provider';
import { meaningOfStatus } from '../http/provider-failures';
import { asCode, asObject, asText } from '../http/wire';

/** The status that goes with a code or type of error, for errors that come without one. */
const STATUS_OF: Readonly<Record<string, number>> = {
  authentication_error: 401,
  content_filter: 400,
  content_policy_violation: 400,
  context_length_exceeded: 400,
  insufficient_quota: 429,
  invalid_api_key: 401,
  invalid_prompt: 400,
  invalid_request_error: 400,
  json_validate_failed: 400,
  model_not_found: 404,
  not_found_error: 404,
  permission_denied: 403,
  permission_error: 403,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  tool_use_failed: 400,
  unsupported_parameter: 400,
  unsupported_value: 400,
};

/**
 * OpenAI's form of an error, `{ error: { message, type, param, code } }`, which Groq has too; `error` may be a bare string.
 * A quota that is used up is a 429 like any rate limit, yet no waiting helps. An error inside an answer that began as a
 * success has no status: its code or type stands in, and one that is unknown is taken for a fault of the server.
 */
export function errorOfOpenAi(body: unknown, answer?: ErrorAnswer): ProviderWords {
  const error = asObject(asObject(body)?.error);
  const code = asCode(error?.code) ?? asCode(error?.type);
  const message = asText(error?.message) ?? asText(asObject(body)?.error) ?? asText(body) ?? undefined;
  const names = [code, asCode(error?.type)].filter((name) => name !== undefined);
  const spent = names.includes('insufficient_quota') ? { retryable: false } : {};
  if (answer !== undefined) return { code, message, ...spent };
  const { kind, retryable } = meaningOfStatus(names.map((name) => STATUS_OF[name]).find(Boolean) ?? 500);
  return { code, message, kind, retryable, ...spent };
}
