import { createHash } from 'node:crypto';
import {
  AUDIO_FORMATS,
  type AudioDescription,
  type AudioFormat,
  type FormatOffer,
} from '../../../providers/contract/audio';
import { type Credential } from '../../../providers/contract/credential';
import type { MarkupFeature } from '../../../providers/contract/speech-text';
import type { SpeechModel, SpeechProvider } from '../../../providers/contract/tts';
import { AppError, badInput } from '../../lib/errors';
import type { VoiceCatalogue } from '../voice-catalogue';
import type { SpeechRequest } from './speech-request';

export type SpeechProviders = ReadonlyMap<string, SpeechProvider>;
/** Own keys of this request, by provider id. */
export type OwnKeys = ReadonlyMap<string, string>;

/** Speaks when the request names nobody: it needs no key and is always there. */
const DEFAULT_PROVIDER = 'local';

/** Who will speak, with what, on whose account. */
export interface SpeechRoute {
  readonly provider: SpeechProvider;
  readonly providerId: string;
  readonly model: SpeechModel;
  /** Unique over all providers: provider/name. */
  readonly modelId: string;
  readonly voice: string;
  readonly voiceId: string;
  readonly voiceName: string | null;
  readonly credential: Credential;
  readonly ownKey: boolean;
  readonly audio: AudioDescription;
}

export const ownKeyFingerprint = (route: SpeechRoute): string | null =>
  route.ownKey
    ? createHash('sha256')
        .update(route.credential.secret ?? '')
        .digest('base64url')
    : null;

/** Everything about the route but the voice's existence, which the provider's list must tell. */
export function planRoute(request: SpeechRequest, providers: SpeechProviders, ownKeys: OwnKeys): SpeechRoute {
  const { provider, providerId } = chooseProvider(request, providers);
  const { declaration } = provider;
  const named = ownName('model', request.model, providerId, providers);
  const voice =
    ownName('voice', request.voice, providerId, providers) ??
    declaration.voiceFor?.(named, request.language) ??
    declaration.defaultVoice;
  const model = chooseModel(named, provider, providerId, voice);
  checkMarkup(request, provider);
  checkSpeed(request, provider);
  if (request.style !== null && !declaration.styles?.includes(request.style)) {
    throw unsupported('style', `${declaration.name} has no style "${request.style}".`, declaration.styles ?? []);
  }
  if (request.quality !== null) {
    throw unsupported('quality', `${declaration.name} has no qualities to choose from; leave quality out.`, []);
  }
  if (request.language !== null && model.languages) {
    const primary = request.language.split('-')[0]!.toLowerCase();
    if (!model.languages.includes(primary)) {
      throw unsupported(
        'language',
        `${declaration.name} does not speak "${request.language}" with ${model.name}.`,
        model.languages,
      );
    }
  }
  const { credential, ownKey } = chooseCredential(provider, ownKeys);
  return {
    provider,
    providerId,
    model,
    modelId: `${providerId}/${model.name}`,
    voice,
    voiceId: `${providerId}/${voice}`,
    voiceName: null,
    credential,
    ownKey,
    audio: chooseFormat(request, provider),
  };
}

/** Checks the voice against the list that this credential may see, before anybody is asked to speak. */
export async function confirmVoice(route: SpeechRoute, voices: VoiceCatalogue): Promise<SpeechRoute> {
  const found = await voices.find(route.provider, route.credential, route.voice);
  if (found === null) {
    throw badInput('voice', `${route.provider.declaration.name} has no voice "${route.voice}" that this key may use.`);
  }
  return found ? { ...route, voiceName: found.name } : route;
}

function chooseProvider(
  request: SpeechRequest,
  providers: SpeechProviders,
): { provider: SpeechProvider; providerId: string } {
  const providerId =
    request.provider ?? prefixOf(request.model, providers) ?? prefixOf(request.voice, providers) ?? DEFAULT_PROVIDER;
  const provider = providers.get(providerId);
  if (!provider) {
    throw new AppError('BAD_USER_INPUT', `There is no speech provider "${providerId}".`, {
      field: 'provider',
      supported: [...providers.keys()],
    });
  }
  return { provider, providerId };
}

/** The provider that a name such as "elevenlabs/eleven_v3" begins with. */
function prefixOf(name: string | null, providers: SpeechProviders): string | null {
  const slash = name?.indexOf('/') ?? -1;
  if (slash < 1) return null;
  const prefix = name!.slice(0, slash);
  return providers.has(prefix) ? prefix : null;
}

/** A name without its provider; a name of another provider is refused. */
function ownName(
  field: 'model' | 'voice',
  name: string | null,
  providerId: string,
  providers: SpeechProviders,
): string | null {
  const prefix = prefixOf(name, providers);
  if (name === null || prefix === null) return name;
  if (prefix !== providerId) {
    throw badInput(
      field,
      `The ${field} "${name}" belongs to ${prefix}, not to ${providerId}. Name a ${field} of ${providerId} or leave it out.`,
    );
  }
  return name.slice(prefix.length + 1);
}

function chooseModel(named: string | null, provider: SpeechProvider, providerId: string, voice: string): SpeechModel {
  const { declaration } = provider;
  const bound = declaration.modelOfVoice?.(voice) ?? null;
  const name = named ?? bound ?? declaration.defaultModel;
  const model = declaration.models.find((candidate) => candidate.name === name);
  if (!model) {
    throw new AppError('BAD_USER_INPUT', `${declaration.name} has no speech model "${name}".`, {
      field: 'model',
      supported: declaration.models.map((candidate) => `${providerId}/${candidate.name}`),
    });
  }
  if (bound !== null && bound !== model.name) {
    throw badInput(
      'voice',
      `The voice "${voice}" belongs to the model ${bound}, not to ${model.name}. Leave model out.`,
    );
  }
  return model;
}

function checkMarkup(request: SpeechRequest, provider: SpeechProvider): void {
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
  for (const feature of used) {
    if (!provider.declaration.markup.includes(feature)) {
      throw unsupported('text', `${provider.declaration.name} does not honour <${feature}>.`, [
        'speak',
        'p',
        's',
        'sub',
        ...provider.declaration.markup,
      ]);
    }
  }
}

function checkSpeed(request: SpeechRequest, provider: SpeechProvider): void {
  const { speed, name } = provider.declaration;
  if (request.speed === 1) return;
  if (!speed) throw unsupported('speed', `${name} speaks at one speed; leave speed out.`, [1]);
  if (request.speed < speed.min || request.speed > speed.max) {
    throw badInput('speed', `${name} takes a speed from ${speed.min} to ${speed.max}.`);
  }
}

function chooseFormat(request: SpeechRequest, provider: SpeechProvider): AudioDescription {
  const { declaration } = provider;
  const format = request.format ?? declaration.defaultFormat;
  const offer = declaration.formats[format];
  if (!offer) {
    const supported = AUDIO_FORMATS.filter((candidate: AudioFormat) => declaration.formats[candidate]);
    throw unsupported('format', `${declaration.name} does not make ${format}.`, supported);
  }
  return {
    format,
    contentType: offer.contentType,
    sampleRate: chooseRate(request, offer, declaration.name),
    channels: offer.channels,
  };
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

/** Own keys are strict: where the request brings one it is used, whatever the platform holds. */
function chooseCredential(provider: SpeechProvider, ownKeys: OwnKeys): { credential: Credential; ownKey: boolean } {
  const own = ownKeys.get(provider.declaration.provider);
  if (own !== undefined && provider.declaration.keyHeader) {
    return { credential: { source: 'REQUEST_KEY', secret: own }, ownKey: true };
  }
  if (!provider.platformCredential || !provider.configured) {
    const header = provider.declaration.keyHeader;
    throw new AppError(
      'PROVIDER_NOT_CONFIGURED',
      header
        ? `${provider.declaration.name} has no key on this platform; send your own in ${header}, or choose another provider.`
        : `${provider.declaration.name} is not set up on this platform; choose another provider.`,
      { provider: provider.declaration.provider },
    );
  }
  return { credential: provider.platformCredential, ownKey: false };
}

const unsupported = (field: string, message: string, supported: readonly (string | number)[]): AppError =>
  new AppError('UNSUPPORTED', `${message}${supported.length > 0 ? ` It takes: ${supported.join(', ')}.` : ''}`, {
    field,
    supported,
  });
