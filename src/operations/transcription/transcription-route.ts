import type { RecordingFormat, TranscriptionModel, TranscriptionProvider } from '../../../providers/contract/stt';
import type { PrincipalContext } from '../../identity/caller';
import { AppError } from '../../lib/errors';
import type { Candidate } from '../routing/candidate';
import { chooseCredential, isOwnKey, type StoredKeys } from '../routing/credentials';
import { bareName, chooseModel, prefixOf } from '../routing/models';
import { fallbackField } from '../routing/routing-request';
import { checkModel } from './model-limits';
import type { TranscriptionRequest } from './transcription-request';

export type TranscriptionProviders = ReadonlyMap<string, TranscriptionProvider>;

/** Who will write it down, with what, on whose account. */
export interface TranscriptionRoute extends Candidate {
  readonly provider: TranscriptionProvider;
  readonly model: TranscriptionModel;
  readonly ownKey: boolean;
}

/** What of the audio decides who can take it; what is null is not known yet. */
export interface AudioFacts {
  readonly format: RecordingFormat | null;
  readonly sizeBytes: number | null;
  readonly durationMs: number | null;
}

/** Before the audio has been looked at. */
export const UNKNOWN_AUDIO: AudioFacts = { format: null, sizeBytes: null, durationMs: null };

export interface TranscriptionRouting {
  readonly providers: TranscriptionProviders;
  readonly storedKeys: StoredKeys | null;
  /** The model that the price book makes a provider's default; null where it leaves that to the adapter. */
  readonly defaultModel: (providerId: string) => string | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One way that the request names: itself, or one of its fallbacks. Fields are those of the input, for errors. */
interface Wanted {
  readonly providerId: string;
  readonly model: string | null;
  readonly providerField: string;
  readonly modelField: string;
}

type Planned = readonly [TranscriptionRoute, ...TranscriptionRoute[]];

/**
 * Every route that the request names, its own first, each checked against what its model takes: a fallback that could
 * never serve is told of at once, and not on the day when it is needed.
 *
 * A request that names nobody goes to the first provider, in the order in which they are listed, that has a key here or of
 * the caller's, and whose default model takes the request and the audio. No provider of transcriptions is built in.
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED, PAYLOAD_TOO_LARGE or PROVIDER_NOT_CONFIGURED
 */
export async function planRoutes(
  request: TranscriptionRequest,
  audio: AudioFacts,
  context: PrincipalContext,
  routing: TranscriptionRouting,
): Promise<Planned> {
  const named = request.provider ?? prefixOf(request.model, routing.providers);
  const first =
    named === null
      ? await planDefault(request, audio, context, routing)
      : await planRoute(ownOf(named, request.model), request, audio, context, routing);
  const others = await Promise.all(
    request.routing.fallbacks.map(({ provider, model }, index) =>
      planRoute(
        {
          providerId: provider,
          model,
          providerField: fallbackField(index, 'provider'),
          modelField: fallbackField(index, 'model'),
        },
        request,
        audio,
        context,
        routing,
      ),
    ),
  );
  return [first, ...others];
}

const ownOf = (providerId: string, model: string | null): Wanted => ({
  providerId,
  model,
  providerField: 'provider',
  modelField: 'model',
});

async function planRoute(
  { providerId, model: wantedModel, providerField, modelField }: Wanted,
  request: TranscriptionRequest,
  audio: AudioFacts,
  context: PrincipalContext,
  { providers, storedKeys, defaultModel, now }: TranscriptionRouting,
): Promise<TranscriptionRoute> {
  const provider = providers.get(providerId);
  if (!provider) {
    throw new AppError('BAD_USER_INPUT', `There is no provider "${providerId}" of transcriptions.`, {
      field: providerField,
      supported: [...providers.keys()],
    });
  }
  const { declaration } = provider;
  const { model, retirement } = chooseModel(
    {
      providerId,
      name: declaration.name,
      models: declaration.models,
      defaultModel: defaultModel(providerId) ?? declaration.defaultModel,
      kind: 'transcription',
    },
    bareName(modelField, wantedModel, providerId, providers),
    { now: now(), allowSuccessor: request.routing.allowSuccessor, field: modelField },
  );
  checkModel(request, audio, { provider: declaration, model });
  const credential = await chooseCredential(provider, context, storedKeys);
  return {
    providerId,
    name: declaration.name,
    modelId: `${providerId}/${model.name}`,
    provider,
    model,
    retirement,
    credential,
    ownKey: isOwnKey(credential),
  };
}

/** Why a provider is passed over for the next, where nobody was named. */
const PASSED_OVER = ['UNSUPPORTED', 'PAYLOAD_TOO_LARGE', 'BAD_USER_INPUT'];

async function planDefault(
  request: TranscriptionRequest,
  audio: AudioFacts,
  context: PrincipalContext,
  routing: TranscriptionRouting,
): Promise<TranscriptionRoute> {
  let unfit: AppError | null = null;
  for (const [id, provider] of routing.providers) {
    try {
      await chooseCredential(provider, context, routing.storedKeys);
      // A bare model name without a provider is looked for at each of them.
      return await planRoute(ownOf(id, request.model), request, audio, context, routing);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (PASSED_OVER.includes(error.code)) unfit ??= error;
      else if (error.code !== 'PROVIDER_NOT_CONFIGURED') throw error;
    }
  }
  throw unfit ?? nobodyConfigured(routing.providers);
}

function nobodyConfigured(providers: TranscriptionProviders): AppError {
  const headers = [...providers.values()].flatMap(({ declaration }) => declaration.keyHeader ?? []);
  const settings = [...providers.keys()].map((id) => `${id.toUpperCase().replaceAll('-', '_')}_API_KEY`);
  const own = headers.length > 0 ? `Send a key of your own in one of ${headers.join(', ')}, or ask` : 'Ask';
  const set = settings.length > 0 ? `set one of ${settings.join(', ')}` : 'set one up';
  return new AppError(
    'PROVIDER_NOT_CONFIGURED',
    `No provider of transcriptions is set up on this platform. ${own} the operator to ${set}.`,
    { provider: null, supported: [...providers.keys()] },
  );
}
