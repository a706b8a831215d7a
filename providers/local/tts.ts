import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FormatOffer } from '../contract/audio';
import type { ProviderError } from '../contract/errors';
import type { EngineSpeechAdapter, SpeechCall, SpeechModel } from '../contract/tts';
import { writeSpeechText } from '../http/plain-text';
import { cancelled, rejected } from '../http/provider-failures';
import { AudioEncoder } from './audio-encoder';
import { type EngineLimits, LOCAL, type LocalEngine } from './engine';
import { EspeakEngine, findEspeak } from './espeak-engine';
import { FliteEngine } from './flite-engine';
import { type SpeechPiece, speechPieces } from './speech-pieces';
import {
  asProviderVoice,
  ESPEAK_MODEL,
  FLITE_MODEL,
  findLocalVoice,
  type LocalModel,
  type LocalVoice,
  languagesOfModel,
  localModelForVoice,
  primarySubtag,
  voicesOfModel,
} from './voices';

export { localModelForVoice } from './voices';

export interface LocalSpeechOptions {
  /** Folders in which `espeak-ng` is looked for, once, as in PATH; empty (the default): English alone is spoken. */
  readonly searchPath?: string;
  /** Sentences spoken at once by each engine; by default 1 on up to two cores, else 2. One core speaks some 40 times faster than real time. */
  readonly concurrency?: number;
  /** New calls that may wait at each engine; 64 by default. */
  readonly waitingMax?: number;
  /** Milliseconds after which a sentence is given up; 30,000 by default, a hundred times what one takes. */
  readonly sentenceTimeoutMs?: number;
}

const CHARACTERS_MAX = 5_000;
/**
 * Longest speech of a character, rounded up from a measurement of every code point that becomes ASCII, spoken alone by
 * each voice: 1,920 ms ("⩶", read as three signs, by rms). Digits in long runs give up to 735 ms, "1,234,567,890" 450 ms,
 * sentences and paragraphs of one letter 310 ms. Alone is the worst place, as it carries all the pauses.
 */
const FLITE_MS_PER_CHARACTER_MAX = 2_000;
/**
 * The same for espeak-ng 1.51, whose longest readings are names of pictures: 3,644 ms ("📫" in Polish) among 3,284 letters,
 * digits and signs in US English and the longest of those in the other languages. The margin is for those not measured.
 */
const ESPEAK_MS_PER_CHARACTER_MAX = 5_000;
const SAMPLE_RATES = [16_000, 8_000, 22_050, 24_000, 44_100, 48_000] as const;
const MARKUP = ['break'] as const;
const FORMATS: Partial<Record<SpeechCall['format'], FormatOffer>> = {
  WAV: { contentType: 'audio/wav', sampleRates: SAMPLE_RATES, channels: 1 },
  PCM: { contentType: 'audio/pcm', sampleRates: SAMPLE_RATES, channels: 1 },
  MULAW: { contentType: 'audio/basic', sampleRates: [8_000], channels: 1 },
};

const model = (name: LocalModel, millisecondsPerCharacterMax: number): SpeechModel => ({
  name,
  upstreamId: name,
  charactersMax: CHARACTERS_MAX,
  languages: languagesOfModel(name),
  millisecondsPerCharacterMax,
});

/**
 * The built-in speech provider: no key, no network, no setting. Flite speaks English; where the program espeak-ng is
 * installed, it adds a model of its own with more languages. Nothing starts before the first call.
 */
export function createLocalSpeech(options: LocalSpeechOptions = {}): EngineSpeechAdapter {
  const limits: EngineLimits = {
    concurrency: options.concurrency ?? (availableParallelism() > 2 ? 2 : 1),
    waitingMax: options.waitingMax ?? 64,
    sentenceTimeoutMs: options.sentenceTimeoutMs ?? 30_000,
  };
  const espeak = findEspeak(options.searchPath ?? '');
  const engines = new Map<LocalModel, LocalEngine>([[FLITE_MODEL, new FliteEngine(limits)]]);
  if (espeak !== null) engines.set(ESPEAK_MODEL, new EspeakEngine(espeak, limits));
  const flite = model(FLITE_MODEL, FLITE_MS_PER_CHARACTER_MAX);
  return {
    ...LOCAL,
    transport: 'engine',
    firstParty: false,
    keyHeader: null,
    models: espeak === null ? [flite] : [flite, model(ESPEAK_MODEL, ESPEAK_MS_PER_CHARACTER_MAX)],
    defaultModel: FLITE_MODEL,
    defaultVoice: 'slt',
    modelOfVoice: localModelForVoice,
    voiceFor(modelName, language) {
      const candidates = [...engines.keys()]
        .filter((name) => modelName === null || name === modelName)
        .flatMap(voicesOfModel);
      const wanted = language === null ? null : primarySubtag(language);
      return candidates.find((voice) => wanted === null || primarySubtag(voice.language) === wanted)?.id ?? null;
    },
    formats: FORMATS,
    defaultFormat: 'WAV',
    speed: { min: 0.5, max: 2 },
    styles: null,
    markup: MARKUP,
    render: (spans) => writeSpeechText(spans, { plain: (text) => text }),
    async voices() {
      return [...engines.keys()].flatMap((name) => voicesOfModel(name).map(asProviderVoice));
    },
    synthesize: (call, signal) => synthesize(engines, call, signal),
    async close() {
      await Promise.all([...engines.values()].map((engine) => engine.close()));
    },
  };
}

async function* synthesize(
  engines: ReadonlyMap<LocalModel, LocalEngine>,
  call: SpeechCall,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { engine, voice } = choose(engines, call);
  const pieces = speechPieces(call.spans, {
    language: voice.language,
    readable: (text) => engine.readable(text),
    speakable: (text) => engine.speakable(text),
  });
  if (!pieces.some((piece) => piece.kind === 'sentence')) throw nothingToSay(engines, voice);

  const encoder = new AudioEncoder(call.format, engine.sampleRate, call.sampleRate);
  const left = new AbortController();
  const stop = AbortSignal.any([signal, left.signal]);
  let heard = false;
  try {
    for await (const samples of speakInOrder(engine, voice, call.speed, pieces, stop)) {
      // A long buffer is worked off in parts, so that the event loop never waits for the filter.
      for (let at = 0; at < samples.length; at += engine.sampleRate) {
        const bytes = encoder.push(samples.subarray(at, at + engine.sampleRate));
        if (stop.aborted) throw cancelled(LOCAL, signal.reason);
        if (bytes.length > 0) {
          heard = true;
          yield bytes;
        }
        if (encoder.resamples) await nextTurn();
      }
    }
    if (signal.aborted) throw cancelled(LOCAL, signal.reason);
    const rest = encoder.flush();
    if (rest.length > 0) yield rest;
    else if (!heard) throw nothingToSay(engines, voice);
  } finally {
    left.abort();
  }
}

/** Samples of each piece; the next sentence is being made while one is taken away. */
async function* speakInOrder(
  engine: LocalEngine,
  voice: LocalVoice,
  speed: number,
  pieces: readonly SpeechPiece[],
  signal: AbortSignal,
): AsyncGenerator<Int16Array, void, undefined> {
  let admitted = false;
  const start = (piece: SpeechPiece): Promise<Int16Array> => {
    const made =
      piece.kind === 'silence'
        ? Promise.resolve(new Int16Array(Math.round((piece.milliseconds * engine.sampleRate) / 1_000)))
        : engine.speak({ text: piece.text, voice, speed, admitted }, signal);
    // Whoever leaves does not come back for it.
    made.catch(() => undefined);
    return made;
  };
  let next = start(pieces[0]!);
  for (const [index, piece] of pieces.entries()) {
    const samples = await next;
    admitted ||= piece.kind === 'sentence';
    const following = pieces[index + 1];
    if (following !== undefined) next = start(following);
    yield samples;
  }
}

function choose(
  engines: ReadonlyMap<LocalModel, LocalEngine>,
  call: SpeechCall,
): { readonly engine: LocalEngine; readonly voice: LocalVoice } {
  const voice = findLocalVoice(call.voice);
  if (voice === null) throw rejected(LOCAL, 'has no such voice; ask for the list of its voices');
  const engine = engines.get(voice.model);
  if (engine === undefined) {
    throw rejected(LOCAL, `has the voice ${voice.id} only where espeak-ng is installed; install it on the server`);
  }
  if (call.model.name !== voice.model) {
    throw rejected(
      LOCAL,
      `speaks with the voice ${voice.id} by its model ${voice.model}; name that model or no model at all`,
    );
  }
  if (call.language !== null && primarySubtag(call.language) !== primarySubtag(voice.language)) {
    throw rejected(LOCAL, `has the voice ${voice.id} for ${voice.language} alone; choose a voice of the language`);
  }
  return { engine, voice };
}

function nothingToSay(engines: ReadonlyMap<LocalModel, LocalEngine>, voice: LocalVoice): ProviderError {
  if (voice.model === ESPEAK_MODEL) return rejected(LOCAL, 'found nothing in the text that can be spoken');
  const advice = engines.has(ESPEAK_MODEL)
    ? 'for other scripts than Latin choose a voice of espeak-ng or another provider'
    : 'for other scripts than Latin install espeak-ng on the server or choose another provider';
  return rejected(LOCAL, `found nothing in the text that the voice ${voice.id} can speak; ${advice}`);
}
