import {
  AUDIO_FORMATS,
  type AudioDescription,
  type AudioFormat,
  type FormatOffer,
} from '../../../providers/contract/audio';
import type { MarkupFeature } from '../../../providers/contract/speech-text';
import type { SpeechDeclaration, SpeechModel, SpeechQuality } from '../../../providers/contract/tts';
import { AppError, badInput } from '../../lib/errors';
import type { SpeechRequest } from './speech-request';

/**
 * What a request asks of the voice, against what the provider and the model declare.
 * @throws AppError UNSUPPORTED, BAD_USER_INPUT
 */
export function checkSpeechOptions(request: SpeechRequest, declaration: SpeechDeclaration, model: SpeechModel): void {
  const { name, styles, speed, markup } = declaration;
  for (const feature of markupOf(request)) {
    if (!markup.includes(feature)) {
      throw unsupported('text', `${name} does not honour <${feature}>.`, ['speak', 'p', 's', 'sub', ...markup]);
    }
  }
  if (request.speed !== 1) {
    if (!speed) throw unsupported('speed', `${name} speaks at one speed; leave speed out.`, [1]);
    if (request.speed < speed.min || request.speed > speed.max) {
      throw badInput('speed', `${name} takes a speed from ${speed.min} to ${speed.max}.`);
    }
  }
  if (request.style !== null && !styles?.includes(request.style)) {
    throw unsupported('style', `${name} has no style "${request.style}".`, styles ?? []);
  }
  if (request.language !== null && model.languages && !model.languages.includes(primaryOf(request.language))) {
    throw unsupported('language', `${name} does not speak "${request.language}" with ${model.name}.`, model.languages);
  }
}

/**
 * The quality that speaks, and is charged: the provider's first where the request names none. A fallback whose provider
 * has none to choose from speaks in the one that it has.
 * @throws AppError UNSUPPORTED
 */
export function chooseQuality(
  request: SpeechRequest,
  { qualities, name }: SpeechDeclaration,
  isFallback: boolean,
): SpeechQuality | null {
  if (request.quality === null) return qualities?.[0] ?? null;
  if (!qualities) {
    if (isFallback) return null;
    throw unsupported('quality', `${name} has no qualities to choose from; leave quality out.`, []);
  }
  const found = qualities.find((quality) => quality === request.quality);
  if (!found) throw unsupported('quality', `${name} has no quality ${request.quality}.`, qualities);
  return found;
}

/**
 * The encoding in which a provider speaks.
 * @throws AppError UNSUPPORTED
 */
export function chooseFormat(request: SpeechRequest, declaration: SpeechDeclaration): AudioDescription {
  const format = request.format ?? declaration.defaultFormat;
  const offer = declaration.formats[format];
  if (!offer) {
    const supported = AUDIO_FORMATS.filter((candidate: AudioFormat) => declaration.formats[candidate]);
    throw unsupported('format', `${declaration.name} does not make ${format}.`, supported);
  }
  return describe(format, offer, chooseRate(request, offer, declaration.name));
}

/** Samples without a header: whoever plays them has to know their rate beforehand. */
const HEADERLESS: readonly AudioFormat[] = ['PCM', 'MULAW'];

/**
 * The encoding in which a fallback speaks: that of the route before it, as far as the provider makes it. What was
 * announced at the start of a stream binds it: the format, and the rate where the bytes do not tell it themselves.
 * @param streamed whether the audio is announced before the provider is known that makes it
 * @throws AppError UNSUPPORTED
 */
export function chooseFallbackFormat(
  request: SpeechRequest,
  declaration: SpeechDeclaration,
  announced: AudioDescription,
  { streamed, field }: { readonly streamed: boolean; readonly field: string },
): AudioDescription {
  if (request.format !== null && request.sampleRate !== null) return chooseFormat(request, declaration);
  const offer = declaration.formats[announced.format];
  if (!offer) {
    if (request.format !== null || !streamed) return chooseFormat(request, declaration);
    throw unsupported(
      field,
      `The speech is announced as ${announced.format}, which ${declaration.name} does not make. Name a format that both make, or choose another fallback.`,
      AUDIO_FORMATS.filter((candidate) => declaration.formats[candidate]),
    );
  }
  const same = offer.sampleRates.includes(announced.sampleRate);
  if (streamed && (offer.contentType !== announced.contentType || (!same && HEADERLESS.includes(announced.format)))) {
    throw unsupported(
      field,
      `The speech is announced as ${announced.contentType} at ${announced.sampleRate} Hz, which ${declaration.name} does not make. Name a sampleRate that both make, or choose another fallback.`,
      offer.sampleRates,
    );
  }
  const rate = same ? announced.sampleRate : chooseRate(request, offer, declaration.name);
  return describe(announced.format, offer, rate);
}

function chooseRate(request: SpeechRequest, offer: FormatOffer, name: string): number {
  if (request.sampleRate === null) return offer.sampleRates[0];
  if (!offer.sampleRates.includes(request.sampleRate)) {
    throw unsupported(
      'sampleRate',
      `${name} does not make this format at ${request.sampleRate} Hz.`,
      offer.sampleRates,
    );
  }
  return request.sampleRate;
}

const describe = (format: AudioFormat, offer: FormatOffer, sampleRate: number): AudioDescription => ({
  format,
  contentType: offer.contentType,
  sampleRate,
  channels: offer.channels,
});

function markupOf(request: SpeechRequest): ReadonlySet<MarkupFeature> {
  const used = new Set<MarkupFeature>();
  for (const span of request.spans) {
    if (span.kind === 'break') used.add('break');
    if (span.kind !== 'text') continue;
    if (span.prosody) used.add('prosody');
    if (span.emphasis) used.add('emphasis');
    if (span.sayAs) used.add('say-as');
    if (span.phoneme) used.add('phoneme');
    if (span.language) used.add('lang');
  }
  return used;
}

export const primaryOf = (language: string): string => language.split('-')[0]!.toLowerCase();

const unsupported = (field: string, message: string, supported: readonly (string | number)[]): AppError =>
  new AppError('UNSUPPORTED', `${message}${supported.length > 0 ? ` It takes: ${supported.join(', ')}.` : ''}`, {
    field,
    supported,
  });
