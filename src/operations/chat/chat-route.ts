import type { ChatModel, ChatProvider } from '../../../providers/contract/llm';
import type { PrincipalContext } from '../../identity/caller';
import { AppError, badInput } from '../../lib/errors';
import type { Candidate } from '../routing/candidate';
import { chooseCredential, isOwnKey, type StoredKeys } from '../routing/credentials';
import { bareName, chooseModel, isRetired, prefixOf } from '../routing/models';
import { fallbackField } from '../routing/routing-request';
import type { ChatRequest } from './chat-request';

export type ChatProviders = ReadonlyMap<string, ChatProvider>;

/** Who answers when the request names nobody: the first of these, then of all others, that has a key here. */
const DEFAULT_ORDER: readonly string[] = ['openai', 'anthropic', 'groq'];

/** Who will answer, with what, on whose account. */
export interface ChatRoute extends Candidate {
  readonly provider: ChatProvider;
  readonly model: ChatModel;
  /** Sent with the call: the request's, else the model's default. */
  readonly maxOutputTokens: number;
  readonly ownKey: boolean;
}

export interface ChatRouting {
  readonly providers: ChatProviders;
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

/**
 * Every route that the request names, its own first, each checked against what its model takes: a fallback that could
 * never serve is told of at once, and not on the day when it is needed.
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED or PROVIDER_NOT_CONFIGURED
 */
export async function planRoutes(
  request: ChatRequest,
  context: PrincipalContext,
  routing: ChatRouting,
): Promise<readonly [ChatRoute, ...ChatRoute[]]> {
  const { providers } = routing;
  const own: Wanted = {
    providerId:
      request.provider ?? prefixOf(request.model, providers) ?? (await defaultProvider(request, context, routing)),
    model: request.model,
    providerField: 'provider',
    modelField: 'model',
  };
  const fallbacks = request.routing.fallbacks.map(
    ({ provider, model }, index): Wanted => ({
      providerId: provider,
      model,
      providerField: fallbackField(index, 'provider'),
      modelField: fallbackField(index, 'model'),
    }),
  );
  const first = await planRoute(own, request, context, routing);
  const others = await Promise.all(fallbacks.map((wanted) => planRoute(wanted, request, context, routing)));
  return [first, ...others];
}

async function planRoute(
  { providerId, model: wantedModel, providerField, modelField }: Wanted,
  request: ChatRequest,
  context: PrincipalContext,
  { providers, storedKeys, defaultModel, now }: ChatRouting,
): Promise<ChatRoute> {
  const provider = providers.get(providerId);
  if (!provider) {
    throw new AppError('BAD_USER_INPUT', `There is no provider "${providerId}" of language models.`, {
      field: providerField,
      supported: [...providers.keys()],
    });
  }
  const { declaration } = provider;
  const asked = bareName(modelField, wantedModel, providerId, providers);
  const { model, retirement } = chooseModel(
    {
      providerId,
      name: declaration.name,
      models: declaration.models,
      defaultModel: defaultModel(providerId) ?? declaration.defaultModel,
      kind: 'language',
    },
    asked,
    { now: now(), allowSuccessor: request.routing.allowSuccessor, field: modelField },
  );
  const route = { providerId, name: declaration.name, modelId: `${providerId}/${model.name}`, provider, model };
  checkModel(request, route, now());
  const credential = await chooseCredential(provider, context, storedKeys);
  return {
    ...route,
    retirement,
    credential,
    ownKey: isOwnKey(credential),
    maxOutputTokens: request.maxOutputTokens ?? model.defaultMaxOutputTokens,
  };
}

async function defaultProvider(
  request: ChatRequest,
  context: PrincipalContext,
  { providers, storedKeys }: ChatRouting,
): Promise<string> {
  const ids = [...new Set([...DEFAULT_ORDER, ...providers.keys()])];
  for (const id of ids) {
    const provider = providers.get(id);
    if (!provider) continue;
    try {
      await chooseCredential(provider, context, storedKeys);
      return id;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'PROVIDER_NOT_CONFIGURED')) throw error;
    }
  }
  const headers = [...providers.values()].flatMap(({ declaration }) => declaration.keyHeader ?? []);
  const settings = ids
    .filter((id) => providers.has(id))
    .map((id) => `${id.toUpperCase().replaceAll('-', '_')}_API_KEY`);
  throw new AppError(
    'PROVIDER_NOT_CONFIGURED',
    `No provider of language models is set up on this platform. Send a key of your own${headers.length > 0 ? ` in ${headers.join(', ')}` : ''}, or ask the operator to set ${settings.join(', ') || 'one up'}.`,
    { provider: request.provider, supported: [...providers.keys()] },
  );
}

function checkModel(
  request: ChatRequest,
  { model, modelId, name, provider }: Pick<ChatRoute, 'model' | 'modelId' | 'name' | 'provider'>,
  now: number,
): void {
  const others = (has: (other: ChatModel) => boolean): readonly string[] =>
    provider.declaration.models
      .filter((other) => has(other) && !isRetired(other, now))
      .map((other) => `${provider.declaration.provider}/${other.name}`);
  if (request.maxOutputTokens !== null && request.maxOutputTokens > model.maxOutputTokens) {
    throw badInput('maxOutputTokens', `${modelId} takes a maxOutputTokens of 1 to ${model.maxOutputTokens}.`);
  }
  const refuse = (field: string, lacks: string, has: (other: ChatModel) => boolean): AppError => {
    const supported = others(has);
    const choice =
      supported.length > 0 ? `choose one of ${supported.join(', ')}` : `choose another provider than ${name}`;
    return new AppError('UNSUPPORTED', `${modelId} ${lacks}; leave ${field} out, or ${choice}.`, { field, supported });
  };
  if (request.tools.length > 0 && !model.tools) throw refuse('tools', 'calls no tools', ({ tools }) => tools);
  if (request.responseSchema !== null && !model.responseSchema) {
    throw refuse('responseSchema', 'follows no JSON schema', ({ responseSchema }) => responseSchema);
  }
  if (request.temperature === null) return;
  if (model.temperature === null) {
    throw refuse('temperature', 'has no temperature to set', ({ temperature }) => temperature !== null);
  }
  const { min, max } = model.temperature;
  if (request.temperature < min || request.temperature > max) {
    throw badInput('temperature', `${modelId} takes a temperature from ${min} to ${max}.`);
  }
}
