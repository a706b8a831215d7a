import type { ProviderCount } from '../../../providers/contract/provider';
import type { TranscriptionDeclaration } from '../../../providers/contract/stt';

/**
 * What two decoders may differ by: the delay and padding of a codec, which one counts and the other drops. It is at most two
 * frames of the slowest codecs.
 */
const CODEC_MS = 250;

/**
 * Whether a provider's own figure of the length lies within what its documents say of its rounding. Figures in other units
 * (tokens) tell nothing about the length.
 */
export function isWithinRounding(
  durationMs: number,
  counted: ProviderCount | null,
  { rounding }: Pick<TranscriptionDeclaration, 'rounding'>,
): boolean {
  if (counted?.unit !== 'seconds') return true;
  const { stepSeconds = 0, minSeconds = 0 } = rounding ?? {};
  const countedMs = counted.quantity * 1_000;
  if (!Number.isFinite(countedMs) || countedMs < 0) return false;
  const stepMs = stepSeconds * 1_000;
  const longest = durationMs + CODEC_MS;
  const rounded = stepMs > 0 ? Math.ceil(longest / stepMs) * stepMs : longest;
  // Some round to the nearest step, whatever they write.
  const shortest = durationMs - CODEC_MS - stepMs;
  return countedMs >= shortest && countedMs <= Math.max(rounded, minSeconds * 1_000);
}
