import type { AppError } from '../lib/errors';
import type { TextSpan } from './spans';

type Prosody = NonNullable<TextSpan['prosody']>;
type Emphasis = NonNullable<TextSpan['emphasis']>;
type Attributes = Readonly<Record<string, string>>;
/** Makes the error that is thrown, knowing where in the document the parser is. */
export type Refuse = (message: string) => AppError;

export const BREAK_MILLISECONDS_MAX = 10_000;
export const BREAKS_TOGETHER_MILLISECONDS_MAX = 60_000;

/** The pauses that Azure documents for the named strengths; SSML itself leaves them to the processor. */
const STRENGTH_MILLISECONDS = new Map([
  ['none', 0],
  ['x-weak', 250],
  ['weak', 500],
  ['medium', 750],
  ['strong', 1_000],
  ['x-strong', 1_250],
]);

/** Length of a `break`. `time` wins over `strength`; with neither it is a medium break, as SSML 1.1 says. */
export function breakMilliseconds(attributes: Attributes, refuse: Refuse): number {
  const { time } = attributes;
  if (time !== undefined) {
    const match = /^\+?(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(ms|s)$/.exec(time.trim());
    if (!match)
      throw refuse(`the time of a break is a number with ms or s, like "500ms" or "1.5s", not "${shown(time)}"`);
    const milliseconds = Math.round(Number(match[1]) * (match[2] === 's' ? 1_000 : 1));
    if (milliseconds > BREAK_MILLISECONDS_MAX) throw refuse('a break is at most 10 s');
    return milliseconds;
  }
  const strength = attributes.strength?.trim() ?? 'medium';
  const milliseconds = STRENGTH_MILLISECONDS.get(strength);
  if (milliseconds === undefined) {
    throw refuse(
      `the strength of a break is one of ${[...STRENGTH_MILLISECONDS.keys()].join(', ')}, not "${shown(strength)}"`,
    );
  }
  return milliseconds;
}

const NUMBER = String.raw`\d{1,5}(?:\.\d{1,5})?`;
const PROSODY_VALUES = {
  rate: {
    form: new RegExp(`^(?:x-slow|slow|medium|fast|x-fast|default|[+-]?${NUMBER}%|${NUMBER})$`),
    examples: '"slow", "120%" or "+10%"',
  },
  pitch: {
    form: new RegExp(`^(?:x-low|low|medium|high|x-high|default|[+-]?${NUMBER}(?:%|st)|[+-]?${NUMBER}Hz)$`),
    examples: '"high", "+10%", "-2st" or "+20Hz"',
  },
  volume: {
    form: new RegExp(
      `^(?:silent|x-soft|soft|medium|loud|x-loud|default|[+-]${NUMBER}dB|[+-]?${NUMBER}%|[+-]?${NUMBER})$`,
    ),
    examples: '"soft", "+6dB" or "80%"',
  },
} as const;
export const PROSODY_ATTRIBUTES = Object.keys(PROSODY_VALUES) as readonly (keyof Prosody)[];

/** The attributes of one `prosody` element over those around it. */
export function prosodyOf(attributes: Attributes, around: Prosody | undefined, refuse: Refuse): Prosody {
  const prosody: { -readonly [Name in keyof Prosody]: Prosody[Name] } = { ...around };
  for (const name of PROSODY_ATTRIBUTES) {
    const value = attributes[name]?.trim();
    if (value === undefined) continue;
    const { form, examples } = PROSODY_VALUES[name];
    if (!form.test(value)) throw refuse(`the ${name} of prosody is a value like ${examples}, not "${shown(value)}"`);
    prosody[name] = value;
  }
  return prosody;
}

const EMPHASIS_LEVELS: readonly Emphasis[] = ['strong', 'moderate', 'none', 'reduced'];

export function emphasisOf(attributes: Attributes, refuse: Refuse): Emphasis {
  const level = attributes.level?.trim() ?? 'moderate';
  const known = EMPHASIS_LEVELS.find((candidate) => candidate === level);
  if (!known) throw refuse(`the level of emphasis is one of ${EMPHASIS_LEVELS.join(', ')}, not "${shown(level)}"`);
  return known;
}

const TOKEN = /^[A-Za-z][\w.:-]{0,63}$/;

export function sayAsOf(attributes: Attributes, refuse: Refuse): NonNullable<TextSpan['sayAs']> {
  const interpretAs = attributes['interpret-as']?.trim() ?? '';
  if (!TOKEN.test(interpretAs)) throw refuse('say-as needs an interpret-as of one word, like interpret-as="date"');
  const format = attributes.format?.trim();
  if (format === undefined) return { interpretAs };
  if (!TOKEN.test(format)) throw refuse('the format of say-as is one word, like format="dmy"');
  return { interpretAs, format };
}

export function phonemeOf(attributes: Attributes, refuse: Refuse): NonNullable<TextSpan['phoneme']> {
  const alphabet = attributes.alphabet?.trim() ?? 'ipa';
  if (!TOKEN.test(alphabet)) throw refuse('the alphabet of phoneme is one word, like alphabet="ipa"');
  const ph = attributes.ph?.trim().normalize('NFC') ?? '';
  if (ph === '') throw refuse('phoneme needs a ph attribute with the pronunciation');
  if (/[\p{Cc}\p{Cs}]/u.test(ph)) throw refuse('the ph of phoneme has a control character; remove it');
  return { alphabet, ph };
}

/**
 * Longest pronunciation for a text of so many characters. A phoneme is billed by the text between its tags, so a
 * pronunciation may be as long as that text can need ("W": 11 symbols), not a speech of its own.
 */
export const pronunciationCharactersMax = (characters: number): number => 16 + 8 * characters;

/** A BCP 47 tag, checked for form alone. */
export function languageOf(attributes: Attributes, refuse: Refuse): string | undefined {
  const language = attributes['xml:lang']?.trim();
  if (language !== undefined && !/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/.test(language)) {
    throw refuse(`xml:lang is a language tag like "en-US", not "${shown(language)}"`);
  }
  return language;
}

const shown = (value: string): string => (value.length > 40 ? `${value.slice(0, 40)}…` : value);
