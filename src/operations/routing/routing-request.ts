import { badInput } from '../../lib/errors';
import { checkTimeoutMs } from '../input-rules';
import type { RoutingStrategy } from './order-candidates';

/** Fallbacks of one operation. */
export const FALLBACKS_MAX = 5;
const NAME_MAX = 200;

/** The input as the public schema has it. */
export interface RoutingInput {
  readonly strategy?: RoutingStrategy | null;
  readonly fallbacks?: readonly FallbackInput[] | null;
  readonly timeoutMs?: number | null;
  readonly allowSuccessor?: boolean | null;
}

export interface FallbackInput {
  readonly provider: string;
  readonly model?: string | null;
  readonly voice?: string | null;
}

/** Another provider to turn to. Names are as they were given: bare, or with their provider before them. */
export interface Fallback {
  readonly provider: string;
  readonly model: string | null;
  readonly voice: string | null;
}

/** A `RoutingInput` that has passed every check that needs no provider. */
export interface RoutingRequest {
  readonly strategy: RoutingStrategy;
  readonly fallbacks: readonly Fallback[];
  /** Of the whole operation, in milliseconds; null: the server's own patience. */
  readonly timeoutMs: number | null;
  readonly allowSuccessor: boolean;
}

/** The place of a fallback's field in the input, for errors. */
export const fallbackField = (index: number, field: keyof Fallback): string => `routing.fallbacks.${index}.${field}`;

/**
 * @param speech whether each fallback must name its voice: none is ever carried over from another provider
 * @throws AppError BAD_USER_INPUT
 */
export function readRouting(input: RoutingInput | null | undefined, speech = false): RoutingRequest {
  const fallbacks = input?.fallbacks ?? [];
  if (fallbacks.length > FALLBACKS_MAX) {
    throw badInput('routing.fallbacks', `routing.fallbacks takes at most ${FALLBACKS_MAX} fallbacks.`);
  }
  return {
    strategy: input?.strategy ?? 'PRIORITY',
    fallbacks: fallbacks.map((fallback, index) => readFallback(fallback, index, speech)),
    timeoutMs: checkTimeoutMs(input?.timeoutMs),
    allowSuccessor: input?.allowSuccessor ?? false,
  };
}

function readFallback({ provider, model, voice }: FallbackInput, index: number, speech: boolean): Fallback {
  if (speech && voice == null) {
    throw badInput(
      fallbackField(index, 'voice'),
      'A fallback of speech names its voice: none is carried over from another provider.',
    );
  }
  if (!speech && voice != null) {
    throw badInput(fallbackField(index, 'voice'), 'Only a fallback of speech has a voice; leave it out.');
  }
  return {
    provider: checkName(fallbackField(index, 'provider'), provider)!,
    model: checkName(fallbackField(index, 'model'), model),
    voice: checkName(fallbackField(index, 'voice'), voice),
  };
}

function checkName(field: string, value: string | null | undefined): string | null {
  if (value == null) return null;
  if (value === '' || value.length > NAME_MAX) throw badInput(field, `${field} takes 1 to ${NAME_MAX} characters.`);
  return value;
}
