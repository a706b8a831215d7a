import type { AudioDescription } from '../../../providers/contract/audio';
import type { SpeechDeclaration, SpeechModel, SpeechProvider, SpeechQuality } from '../../../providers/contract/tts';
import { AppError, badInput } from '../../lib/errors';
import type { Candidate } from '../routing/candidate';
import {
  type CredentialCaller,
  chooseCredential,
  isOwnKey,
  ownKeyFingerprint,
  type StoredKeys,
} from '../routing/credentials';
import { bareName, type ChosenModel, chooseModel, prefixOf } from '../routing/models';
import { fallbackField } from '../routing/routing-request';
import type { VoiceCatalogue } from '../voice-catalogue';
import { checkSpeechOptions, chooseFallbackFormat, chooseFormat, chooseQuality } from './speech-options';
import type { SpeechRequest } from './speech-request';

export type SpeechProviders = ReadonlyMap<string, SpeechProvider>;

/** Speaks when the request names nobody: it needs no key and is always there. */
const DEFAULT_PROVIDER = 'local';

/** Who will speak, with what, on whose account. */
export interface SpeechRoute extends Candidate {
  readonly provider: SpeechProvider;
  readonly model: SpeechModel;
  readonly voice: string;
  readonly voiceId: string;
  readonly voiceName: string | null;
  readonly ownKey: boolean;
  readonly audio: AudioDescription;
  /** null where the provider has no qualities. */
  readonly quality: SpeechQuality | null;
}

/** The route that the request asks for, and then its fallbacks, in the order in which they were given. */
export type SpeechRoutes = readonly [SpeechRoute, ...SpeechRoute[]];

export interface SpeechRouting {
  readonly providers: SpeechProviders;
  readonly voices: VoiceCatalogue;
  readonly storedKeys: StoredKeys | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One provider as the request names it, with the input fields that errors speak of. */
interface Wanted {
  readonly provider: string | null;
  readonly model: string | null;
  readonly voice: string | null;
  readonly fields: { readonly provider: string; readonly model: string; readonly voice: string };
  readonly isFallback: boolean;
  readonly audioOf: (declaration: SpeechDeclaration) => AudioDescription;
}

const OWN_FIELDS = { provider: 'provider', model: 'model', voice: 'voice' };

const ownWish = (request: SpeechRequest): Wanted => ({
  provider: request.provider,
  model: request.model,
  voice: request.voice,
  fields: OWN_FIELDS,
  isFallback: false,
  audioOf: (declaration) => chooseFormat(request, declaration),
});

/** What idempotency compares of the own keys of all routes; null where there is none. */
export function ownKeysFingerprint(routes: SpeechRoutes): string | null {
  if (routes.length === 1) return ownKeyFingerprint(routes[0].credential);
  const prints = routes.map(({ credential }) => ownKeyFingerprint(credential));
  return prints.some((print) => print !== null) ? prints.join() : null;
}

/**
 * Every route that the request names, each checked against what its provider declares and its voice against the list that
 * its credential may see: a fallback that could never serve is told of at once, and not on the day when it is needed.
 * @param streamed whether the audio is announced before the provider is known that makes it
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED, PROVIDER_NOT_CONFIGURED
 */
export async function planRoutes(
  request: SpeechRequest,
  caller: CredentialCaller,
  routing: SpeechRouting,
  streamed: boolean,
): Promise<SpeechRoutes> {
  const own = await planRoute(request, ownWish(request), caller, routing);
  const { fallbacks } = request.routing;
  if (fallbacks.length === 0) return [await confirmVoice(own, OWN_FIELDS.voice, caller, routing)];
  const wishes = fallbacks.map((fallback, index): Wanted => {
    const field = fallbackField(index, 'provider');
    return {
      ...fallback,
      fields: { provider: field, model: fallbackField(index, 'model'), voice: fallbackField(index, 'voice') },
      isFallback: true,
      audioOf: (declaration) => chooseFallbackFormat(request, declaration, own.audio, { streamed, field }),
    };
  });
  // All are checked before anybody is asked for a list of voices.
  const others = await Promise.all(wishes.map((wish) => planRoute(request, wish, caller, routing)));
  return Promise.all([
    confirmVoice(own, OWN_FIELDS.voice, caller, routing),
    ...others.map((route, index) => confirmVoice(route, wishes[index]!.fields.voice, caller, routing)),
  ]);
}

/**
 * The route that the request asks for, without its fallbacks, and without asking for the list of voices.
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED, PROVIDER_NOT_CONFIGURED
 */
export function planOwnRoute(
  request: SpeechRequest,
  caller: CredentialCaller,
  routing: SpeechRouting,
): Promise<SpeechRoute> {
  return planRoute(request, ownWish(request), caller, routing);
}

async function planRoute(
  request: SpeechRequest,
  wanted: Wanted,
  caller: CredentialCaller,
  { providers, storedKeys, now }: SpeechRouting,
): Promise<SpeechRoute> {
  const { provider, providerId } = chooseProvider(wanted, providers);
  const { declaration } = provider;
  const named = bareName(wanted.fields.model, wanted.model, providerId, providers);
  const choose = (name: string | null, allowSuccessor: boolean): ChosenModel<SpeechModel> => {
    const { models, defaultModel } = declaration;
    const choice = { providerId, name: declaration.name, models, defaultModel, kind: 'speech' };
    return chooseModel(choice, name, { now: now(), allowSuccessor, field: wanted.fields.model });
  };
  const asked = named === null ? null : choose(named, request.routing.allowSuccessor);
  const voice =
    bareName(wanted.fields.voice, wanted.voice, providerId, providers) ??
    declaration.voiceFor?.(asked?.model.name ?? null, request.language) ??
    declaration.defaultVoice;
  const bound = declaration.modelOfVoice?.(voice) ?? null;
  // A voice that is bound to a model is not one of its successor's.
  const { model, retirement } = asked ?? choose(bound, false);
  if (asked && bound !== null && bound !== model.name) {
    throw badInput(
      wanted.fields.voice,
      `The voice "${voice}" belongs to the model ${bound}, not to ${model.name}. Leave model out.`,
    );
  }
  checkSpeechOptions(request, declaration, model);
  const credential = await chooseCredential(provider, caller, storedKeys);
  return {
    provider,
    providerId,
    name: declaration.name,
    model,
    modelId: `${providerId}/${model.name}`,
    retirement,
    voice,
    voiceId: `${providerId}/${voice}`,
    voiceName: null,
    credential,
    ownKey: isOwnKey(credential),
    audio: wanted.audioOf(declaration),
    quality: chooseQuality(request, declaration, wanted.isFallback),
  };
}

/** Checks the voice against the list that this credential may see, before anybody is asked to speak. */
async function confirmVoice(
  route: SpeechRoute,
  field: string,
  { principal }: CredentialCaller,
  { voices }: SpeechRouting,
): Promise<SpeechRoute> {
  const { provider, credential } = route;
  const found = await voices.find({ provider, credential, workspaceId: principal.workspaceId }, route.voice);
  if (found === null) throw badInput(field, `${route.name} has no voice "${route.voice}" that this key may use.`);
  return found ? { ...route, voiceName: found.name } : route;
}

function chooseProvider(
  { provider: named, model, voice, fields }: Wanted,
  providers: SpeechProviders,
): { provider: SpeechProvider; providerId: string } {
  const providerId = named ?? prefixOf(model, providers) ?? prefixOf(voice, providers) ?? DEFAULT_PROVIDER;
  const provider = providers.get(providerId);
  if (!provider) {
    throw new AppError('BAD_USER_INPUT', `There is no speech provider "${providerId}".`, {
      field: fields.provider,
      supported: [...providers.keys()],
    });
  }
  return { provider, providerId };
}
