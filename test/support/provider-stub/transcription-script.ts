import type { StubFormField } from './form';

/** One word of the script, in seconds from the start. */
export interface ScriptWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** From 0. */
  readonly speaker: number;
  readonly confidence: number;
}

export interface ScriptTurn {
  readonly speaker: number;
  readonly text: string;
  readonly words: readonly ScriptWord[];
  readonly start: number;
  readonly end: number;
}

/** What every stand-in hears, whatever is sent: two speakers, spread over the length of the audio. */
export interface TranscriptionScript {
  /** Seconds. */
  readonly duration: number;
  readonly text: string;
  readonly turns: readonly ScriptTurn[];
  readonly words: readonly ScriptWord[];
}

const SAID = ['Good morning, how are you?', 'Fine, thank you.'] as const;

/** Heard in audio whose length the stand-in does not read; only WAV tells it in a header of fixed form. */
export const UNREAD_SECONDS = 3.5;

export function transcriptionScript(audio: Buffer): TranscriptionScript {
  const duration = containerOf(audio) === 'WAV' ? secondsOfWav(audio) : UNREAD_SECONDS;
  const count = SAID.join(' ').split(' ').length;
  const step = duration / count;
  let index = 0;
  const turns = SAID.map((text, speaker): ScriptTurn => {
    const words = text.split(' ').map((word): ScriptWord => {
      const start = rounded(index++ * step);
      return { word, start, end: rounded(start + step * 0.8), speaker, confidence: 0.9 };
    });
    return { speaker, text, words, start: words[0]!.start, end: words.at(-1)!.end };
  });
  return { duration: rounded(duration), text: SAID.join(' '), turns, words: turns.flatMap(({ words }) => words) };
}

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

function secondsOfWav(audio: Buffer): number {
  return (audio.length - 44) / audio.readUInt32LE(28);
}

/** By the first bytes, as servers tell containers; null for what is none of them. */
export function containerOf(audio: Buffer): 'WAV' | 'MP3' | 'OGG' | 'FLAC' | 'MP4' | 'WEBM' | 'AAC' | null {
  const head = audio.subarray(0, 12).toString('latin1');
  if (head.startsWith('RIFF') && head.endsWith('WAVE')) return audio.length > 44 ? 'WAV' : null;
  if (head.startsWith('OggS')) return 'OGG';
  if (head.startsWith('fLaC')) return 'FLAC';
  if (head.slice(4, 8) === 'ftyp') return 'MP4';
  if (audio.length >= 4 && audio.readUInt32BE(0) === 0x1a45dfa3) return 'WEBM';
  if (head.startsWith('ID3')) return 'MP3';
  if (audio.length < 2 || audio[0] !== 0xff) return null;
  if ((audio[1]! & 0xf6) === 0xf0) return 'AAC';
  return (audio[1]! & 0xe0) === 0xe0 ? 'MP3' : null;
}

export const extensionOf = (fileName: string): string => /\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';

export const fieldOf = (form: readonly StubFormField[], name: string): StubFormField | undefined =>
  form.find((field) => field.name === name);

export const valuesOf = (form: readonly StubFormField[], name: string): string[] =>
  form.flatMap((field) => (field.name === name && field.value !== undefined ? [field.value] : []));
