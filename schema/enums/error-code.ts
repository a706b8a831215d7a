import { defineEnum } from './define-enum';

export const ErrorCode = defineEnum(
  'ErrorCode',
  'Every errors[].extensions.code. The fields named here stand beside the code.',
  {
    UNAUTHENTICATED: 'There is no key or token, or it is unknown, expired or revoked.',
    FORBIDDEN: 'The key or token does not have the scope or capability that the field needs; the message names it.',
    BAD_USER_INPUT: 'A value is missing, malformed or out of range. Field: field.',
    TEXT_TOO_LONG: 'The text is longer than it may be. Fields: limit, actual (characters).',
    NOT_FOUND: 'There is no such object in this workspace.',
    CONFLICT: 'The idempotency key was used with another input, or the state does not allow the change.',
    ABORTED: 'The operation was ended by its caller. Field: usage.',
    INSUFFICIENT_CREDITS:
      'The balance does not cover the most that the operation can cost. Fields: required, available (credits).',
    MAX_CREDITS_EXCEEDED:
      'The operation can cost more than the maxCredits of its input. Fields: maxCredits, required (credits).',
    OVERAGE_LIMIT_REACHED: "The workspace's own limit on overage leaves no room for the operation.",
    END_USER_LIMIT_REACHED:
      'A limit of this end user is reached. Fields: limit (CREDITS_PER_DAY, CREDITS_PER_PERIOD or REQUESTS_PER_MINUTE), max, used, resetAt.',
    CLIENT_TOKEN_LIMIT_REACHED: 'The budget of this client token is spent.',
    RATE_LIMITED: 'Too many requests in this minute. Field: retryAfterSeconds.',
    PLAN_LIMIT:
      'The plan does not allow it. Fields: limit (CHARACTERS_PER_REQUEST, QUALITY or API_KEYS), max, actual, plan.',
    QUERY_TOO_LARGE:
      'The document is too deep, too wide or asks for too many metered fields. Fields: what, limit, actual.',
    UNSUPPORTED: 'The provider or model cannot do this. Field: supported.',
    PRICE_NOT_CONFIGURED: 'The price book has no rate for this, so it is not served.',
    PROVIDER_NOT_CONFIGURED: "There is no key or address for this provider, neither the platform's nor the caller's.",
    PROVIDER_UNAUTHORIZED: 'The provider refused the key. Fields: provider, retryable, attempts.',
    PROVIDER_REJECTED:
      'The provider refused the request or answered with something unusable. Fields: provider, retryable, attempts.',
    PROVIDER_UNAVAILABLE: 'The provider is overloaded or out of reach. Fields: provider, retryable, attempts.',
    PROVIDER_TIMEOUT: 'The provider did not answer in time. Fields: provider, retryable, attempts.',
    PAYLOAD_TOO_LARGE: 'The request body or the upload is larger than it may be.',
    BILLING_NOT_CONFIGURED: 'This server takes no payments.',
    OUTCOME_UNKNOWN: 'The operation was lost after the provider had been called; it is not charged.',
    RESUME_EXPIRED: 'The cursor or sequence is too old to go on from; subscribe again without it.',
    SLOW_CONSUMER: 'The subscriber read too slowly and was let go.',
    UNAVAILABLE: 'The platform cannot serve now, as its database is out of reach; nothing is served unmetered.',
    INTERNAL_SERVER_ERROR: 'A fault of the platform; report the requestId.',
    GRAPHQL_PARSE_FAILED: 'The document is not GraphQL.',
    GRAPHQL_VALIDATION_FAILED: 'The document does not fit this schema.',
    BAD_REQUEST: 'The request is not GraphQL over HTTP, or a batch.',
    OPERATION_RESOLUTION_FAILURE: 'The document has no operation of that name, or several and no name was given.',
    PERSISTED_QUERY_NOT_FOUND: 'No document is stored under this hash; send it whole.',
  },
);
export type ErrorCode = keyof typeof ErrorCode;
