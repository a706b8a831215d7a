import { createHash } from 'node:crypto';
import type { TimestampGranularity } from '../../../providers/contract/stt';
import type { Principal } from '../../identity/principal';
import type { MicroCredits } from '../../lib/credits';
import { checkEndUserId } from '../../lib/end-user-id';
import { AppError, badInput } from '../../lib/errors';
import type { AudioSource } from '../../recordings/recordings';
import { checkCredits, checkIdempotencyKey, checkMetadata } from '../input-rules';
import { type RoutingInput, type RoutingRequest, readRouting } from '../routing/routing-request';

/** Longest prompt, in characters; providers read some 200 words of it. */
export const PROMPT_CHARACTERS_MAX = 2_000;

/** The input of `transcribe` as the public schema has it. */
export interface TranscriptionInput {
  audio: AudioSource;
  provider?: string | null;
  model?: string | null;
  language?: string | null;
  diarize?: boolean | null;
  timestamps?: TimestampGranularity | null;
  prompt?: string | null;
  routing?: RoutingInput | null;
  endUserId?: string | null;
  metadata?: Record<string, unknown> | null;
  idempotencyKey?: string | null;
  maxCredits?: string | null;
}

/** An input that has passed every check that needs neither a provider nor the audio. */
export interface TranscriptionRequest {
  readonly provider: string | null;
  readonly model: string | null;
  readonly language: string | null;
  readonly diarize: boolean;
  readonly timestamps: TimestampGranularity;
  readonly prompt: string | null;
  readonly routing: RoutingRequest;
  readonly endUserId: string | null;
  readonly metadata: Record<string, string> | null;
  readonly idempotencyKey: string | null;
  readonly maxCredits: MicroCredits | null;
}

const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/;
const NAME_MAX = 200;
/** Line ends and tabs may stand in a prompt; other control characters, and halves of surrogate pairs, may not. */
const UNFIT = /[^\P{Cc}\t\n\r]|\p{Cs}/u;

/** @throws AppError BAD_USER_INPUT with the field */
export function readTranscriptionInput(input: TranscriptionInput): TranscriptionRequest {
  const { language = null, prompt = null } = input;
  if (language !== null && !LANGUAGE.test(language)) {
    throw badInput('language', 'language takes a BCP 47 tag, as "en" or "pt-BR".');
  }
  if (prompt !== null && (prompt === '' || prompt.length > PROMPT_CHARACTERS_MAX || UNFIT.test(prompt))) {
    throw badInput('prompt', `prompt takes 1 to ${PROMPT_CHARACTERS_MAX} characters of well-formed text.`);
  }
  return {
    provider: checkName('provider', input.provider),
    model: checkName('model', input.model),
    language,
    diarize: input.diarize ?? false,
    timestamps: input.timestamps ?? 'NONE',
    prompt,
    routing: readRouting(input.routing),
    endUserId: checkEndUserId(input.endUserId),
    metadata: checkMetadata(input.metadata),
    idempotencyKey: checkIdempotencyKey(input.idempotencyKey),
    maxCredits: checkCredits('maxCredits', input.maxCredits),
  };
}

/** What is asked where nothing but a length is known: for estimates. */
export const PLAIN_REQUEST: TranscriptionRequest = {
  provider: null,
  model: null,
  language: null,
  diarize: false,
  timestamps: 'NONE',
  prompt: null,
  routing: readRouting(null),
  endUserId: null,
  metadata: null,
  idempotencyKey: null,
  maxCredits: null,
};

function checkName(field: string, value: string | null | undefined): string | null {
  if (value == null) return null;
  if (value === '' || value.length > NAME_MAX) throw badInput(field, `${field} takes 1 to ${NAME_MAX} characters.`);
  return value;
}

/** A client token speaks for its own end user, within its capabilities. */
export function checkTokenRules(
  request: TranscriptionRequest,
  principal: Pick<Principal, 'kind' | 'capabilities'>,
): void {
  if (principal.capabilities && !principal.capabilities.includes('SPEECH_TO_TEXT')) {
    throw new AppError(
      'FORBIDDEN',
      'This client token may not transcribe; ask for one with the capability SPEECH_TO_TEXT.',
    );
  }
  if (principal.kind === 'client-token' && request.endUserId !== null) {
    throw badInput(
      'endUserId',
      'A client token cannot name an end user; leave endUserId out, or ask for a token that is made for one.',
    );
  }
}

/**
 * What two calls under one idempotency key must have in common: the input without the key, the bytes of the audio wherever
 * they come from, and the own keys used.
 */
export function hashTranscriptionRequest(
  request: TranscriptionRequest,
  audioSha256: string,
  ownKeyFingerprints: readonly string[],
): string {
  const { idempotencyKey: _key, maxCredits, ...input } = request;
  return createHash('sha256')
    .update(JSON.stringify([input, audioSha256, maxCredits?.toString() ?? null, ownKeyFingerprints]))
    .digest('base64url');
}
