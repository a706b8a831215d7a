import { createHash } from 'node:crypto';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechText } from '../../../providers/contract/speech-text';
import type { MicroCredits } from '../../lib/credits';
import { checkEndUserId } from '../../lib/end-user-id';
import { AppError, badInput } from '../../lib/errors';
import { readSpeechText } from '../../speech-text/read-speech-text';
import { checkCredits, checkIdempotencyKey, checkMetadata } from '../input-rules';
import { type RoutingInput, type RoutingRequest, readRouting } from '../routing/routing-request';

/** Longest text of one operation, in counted characters; longer than a provider's limit it is split at sentences. */
export const SPEECH_CHARACTERS_MAX = 100_000;

/** The input of `synthesizeSpeech` as the public schema has it. */
export interface SpeechInput {
  text: string;
  textType?: 'TEXT' | 'SSML' | null;
  provider?: string | null;
  model?: string | null;
  voice?: string | null;
  language?: string | null;
  quality?: string | null;
  speed?: number | null;
  style?: string | null;
  format?: AudioFormat | null;
  sampleRate?: number | null;
  delivery?: 'COMPLETE' | 'STREAM' | null;
  routing?: RoutingInput | null;
  endUserId?: string | null;
  metadata?: Record<string, unknown> | null;
  idempotencyKey?: string | null;
  maxCredits?: string | null;
}

/** An input that has passed every check that needs no provider. */
export interface SpeechRequest {
  readonly spans: SpeechText;
  /** Counted once, on the whole text. */
  readonly characters: number;
  readonly provider: string | null;
  readonly model: string | null;
  readonly voice: string | null;
  readonly language: string | null;
  readonly quality: string | null;
  readonly speed: number;
  readonly style: string | null;
  readonly format: AudioFormat | null;
  readonly sampleRate: number | null;
  readonly delivery: 'COMPLETE' | 'STREAM';
  readonly routing: RoutingRequest;
  readonly endUserId: string | null;
  readonly metadata: Record<string, string> | null;
  readonly idempotencyKey: string | null;
  readonly maxCredits: MicroCredits | null;
}

const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/;
const NAME_MAX = 200;

export function readSpeechInput(input: SpeechInput): SpeechRequest {
  const { spans, characters } = readSpeechText(input.text, input.textType ?? 'TEXT', SPEECH_CHARACTERS_MAX);
  const speed = input.speed ?? 1;
  if (!Number.isFinite(speed) || speed <= 0)
    throw badInput('speed', 'speed takes a number above 0; 1 is the natural speed.');
  if (input.sampleRate != null && (!Number.isInteger(input.sampleRate) || input.sampleRate <= 0)) {
    throw badInput('sampleRate', 'sampleRate takes a whole number of hertz, as 24000.');
  }
  if (input.language != null && !LANGUAGE.test(input.language)) {
    throw badInput('language', 'language takes a BCP 47 tag, as "en" or "pt-BR".');
  }
  return {
    spans,
    characters,
    provider: checkName('provider', input.provider),
    model: checkName('model', input.model),
    voice: checkName('voice', input.voice),
    language: input.language ?? null,
    quality: input.quality ?? null,
    speed,
    style: checkName('style', input.style),
    format: input.format ?? null,
    sampleRate: input.sampleRate ?? null,
    delivery: input.delivery ?? 'COMPLETE',
    routing: readRouting(input.routing, true),
    endUserId: checkEndUserId(input.endUserId),
    metadata: checkMetadata(input.metadata),
    idempotencyKey: checkIdempotencyKey(input.idempotencyKey),
    maxCredits: checkCredits('maxCredits', input.maxCredits),
  };
}

function checkName(field: string, value: string | null | undefined): string | null {
  if (value == null) return null;
  if (value === '' || value.length > NAME_MAX) throw badInput(field, `${field} takes 1 to ${NAME_MAX} characters.`);
  return value;
}

/** A client token speaks for its end user and within its capabilities. */
export function checkTokenRules(
  request: SpeechRequest,
  principal: {
    readonly kind: string;
    readonly capabilities: readonly string[] | null;
    readonly endUserId: string | null;
  },
): void {
  if (principal.capabilities && !principal.capabilities.includes('TEXT_TO_SPEECH')) {
    throw new AppError(
      'FORBIDDEN',
      'This client token may not synthesize speech; ask for one with the capability TEXT_TO_SPEECH.',
    );
  }
  if (principal.kind === 'client-token' && request.endUserId !== null) {
    throw badInput(
      'endUserId',
      'A client token cannot name an end user; leave endUserId out, or ask for a token that is made for one.',
    );
  }
}

/** What two calls under one idempotency key must have in common: the input without the key, and the own key used. */
export function hashSpeechRequest(request: SpeechRequest, ownKeyFingerprint: string | null): string {
  const { idempotencyKey: _key, maxCredits, ...input } = request;
  return createHash('sha256')
    .update(JSON.stringify([input, maxCredits?.toString() ?? null, ownKeyFingerprint]))
    .digest('base64url');
}
