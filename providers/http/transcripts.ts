import type { FormPart, ProviderCount } from '../contract/provider';
import type { RecordingFormat, TranscriptionCall, TranscriptPiece } from '../contract/stt';
import { asText } from './wire';

/** A piece as a provider tells it, each field unread. */
export interface ToldPiece {
  readonly text: unknown;
  readonly start: unknown;
  readonly end: unknown;
  readonly speaker?: unknown;
  /** 0 to 1; anything else is left out. */
  readonly confidence?: unknown;
}

/** Whisper pads its last window to 30 s, so that times may lie a little behind the end; a start far behind it cannot be. */
const OVERSHOOT_SECONDS_MAX = 30;

/** The pieces that can be: with words in them, 0 <= start <= end, begun before the audio was over. */
export function piecesOf(told: readonly ToldPiece[], call: TranscriptionCall): TranscriptPiece[] {
  const startMax = call.durationMs / 1000 + OVERSHOOT_SECONDS_MAX;
  return told.flatMap((piece) => {
    const text = asText(piece.text)?.trim() ?? '';
    const startSeconds = asSeconds(piece.start);
    const endSeconds = asSeconds(piece.end);
    if (text === '' || startSeconds === null || endSeconds === null) return [];
    if (endSeconds < startSeconds || startSeconds > startMax) return [];
    const speaker = asText(piece.speaker)?.trim() ?? null;
    return [{ startSeconds, endSeconds, text, speaker, confidence: asShare(piece.confidence) }];
  });
}

/** A finite number that is not negative; some providers write numbers as strings. */
export function asSeconds(value: unknown): number | null {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function asShare(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : null;
}

/** The probability that a logarithm of one stands for; undefined where it is none. */
export function shareOfLogarithm(value: unknown): number | undefined {
  return typeof value === 'number' && value <= 0 ? Math.exp(value) : undefined;
}

/** The provider's figure of the length. */
export function secondsBilled(value: unknown): ProviderCount | null {
  const quantity = asSeconds(value);
  return quantity === null ? null : { unit: 'seconds', quantity };
}

/** The text that every transcript has, "" where nothing was said. Throws TypeError when there is none. */
export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('text is missing');
  return value.trim();
}

/**
 * The turns of the speakers, out of words or parts of words in their order, each with the white space that belongs to it. A
 * part without a speaker belongs to the turn that runs; there are no turns where no speaker was told.
 */
export function speakerTurns(parts: readonly ToldPiece[], call: TranscriptionCall): TranscriptPiece[] {
  const turns: { text: string; start: unknown; end: unknown; speaker: string }[] = [];
  for (const { text, start, end, speaker } of parts) {
    if (typeof text !== 'string') continue;
    const turn = turns.at(-1);
    const label = asText(speaker)?.trim() ?? turn?.speaker;
    if (label === undefined) continue;
    const timed = asSeconds(start) !== null && asSeconds(end) !== null;
    if (turn === undefined || (turn.speaker !== label && text.trim() !== '')) {
      if (timed && text.trim() !== '') turns.push({ text, start, end, speaker: label });
    } else {
      turn.text += text;
      if (timed && text.trim() !== '') turn.end = end;
    }
  }
  return piecesOf(turns, call);
}

/** The extension by which every provider knows the container. */
const EXTENSIONS: Readonly<Record<RecordingFormat, string>> = {
  WAV: 'wav',
  MP3: 'mp3',
  OGG: 'ogg',
  FLAC: 'flac',
  MP4: 'm4a',
  WEBM: 'webm',
  AAC: 'aac',
};
const STEM_LENGTH_MAX = 100;

/** The recording as a part of a form, under a name with the extension of what it is. */
export function recordingPart(name: string, { audio }: TranscriptionCall): FormPart {
  const stem = audio.fileName.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '');
  const short = [...stem].slice(0, STEM_LENGTH_MAX).join('').trim();
  return { name, fileName: `${short || 'recording'}.${EXTENSIONS[audio.format]}`, file: audio };
}

/** Fields of a form that have a value; a list becomes a field for each of its values. */
export function fieldParts(fields: Readonly<Record<string, string | readonly string[] | null>>): FormPart[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : (value ?? [])).map((each) => ({ name, value: each })),
  );
}
