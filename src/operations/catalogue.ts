import { type Credential, NO_CREDENTIAL } from '../../providers/contract/credential';
import type { ChatModel, ChatProvider } from '../../providers/contract/llm';
import type { ConfiguredProvider, ModelDeclaration, ProviderDeclaration } from '../../providers/contract/provider';
import type { TranscriptionProvider } from '../../providers/contract/stt';
import type { SpeechProvider } from '../../providers/contract/tts';
import type { Capability } from '../../schema/enums/capability';
import type { Model } from '../../schema/types/model';
import type { Plan } from '../../schema/types/plan';
import type { Provider, ProviderHealth } from '../../schema/types/provider';
import type { RateCard } from '../../schema/types/rate-card';
import type { Caller } from '../identity/caller';
import type { StoredKeys } from '../identity/provider-credentials/stored-keys';
import { formatUsd } from '../lib/credits';
import type { PriceBook } from '../metering/price-book';
import { planView, rateView } from './account/plan-view';

/** Every provider by id, of each capability that asks one. */
export interface ProvidersOfCapabilities {
  readonly speech: ReadonlyMap<string, SpeechProvider>;
  readonly transcription: ReadonlyMap<string, TranscriptionProvider>;
  readonly chat: ReadonlyMap<string, ChatProvider>;
}

export interface CatalogueDependencies {
  readonly book: PriceBook;
  readonly providers: ProvidersOfCapabilities;
  readonly health: { view(providerId: string, credential: Credential): ProviderHealth };
  readonly storedKeys: StoredKeys;
}

/** What is known of a provider whoever asks. */
interface Entry {
  readonly declaration: ProviderDeclaration;
  readonly capabilities: readonly Capability[];
  readonly models: readonly Model[];
  readonly configured: boolean;
  readonly platformCredential: Credential;
}

type AnyProvider = ConfiguredProvider<
  ProviderDeclaration & { readonly models: readonly ModelDeclaration[]; readonly defaultModel: string }
>;

/** What can be asked for, and what it costs. */
export class Catalogue {
  private readonly entries: ReadonlyMap<string, Entry>;

  constructor(private readonly dependencies: CatalogueDependencies) {
    this.entries = entriesOf(dependencies.providers, dependencies.book);
  }

  async providers(context: Caller, capability: Capability | null): Promise<readonly Provider[]> {
    const chosen = [...this.entries.values()].filter(
      ({ capabilities }) => capability === null || capabilities.includes(capability),
    );
    const stored = await this.dependencies.storedKeys.providersFor(context.principal);
    return chosen.map((entry) => this.view(entry, context, stored));
  }

  async provider(context: Caller, id: string): Promise<Provider | null> {
    const entry = this.entries.get(id);
    return entry ? this.view(entry, context, await this.dependencies.storedKeys.providersFor(context.principal)) : null;
  }

  rateCard(): RateCard {
    const { version, creditUsd, rates } = this.dependencies.book.inForce();
    return { version, creditUsd: formatUsd(creditUsd), rates: rates.map(rateView) };
  }

  plans(): readonly Plan[] {
    return this.dependencies.book.plans.map(planView);
  }

  private view(entry: Entry, context: Caller, stored: { has(providerId: string): boolean }): Provider {
    const { declaration, capabilities, models, configured } = entry;
    const id = declaration.provider;
    const ownKey = declaration.keyHeader !== null && (context.providerKeys.has(id) || stored.has(id));
    return {
      id,
      name: declaration.name,
      capabilities,
      firstParty: declaration.firstParty,
      available: ownKey || configured,
      byok: ownKey,
      models,
      health: async () => this.dependencies.health.view(id, await this.credentialOf(entry, context)),
      keyHeader: declaration.keyHeader,
    };
  }

  /** The one that this caller's requests go out with: how a provider answers is known for each by itself. */
  private async credentialOf({ declaration, platformCredential }: Entry, context: Caller): Promise<Credential> {
    if (declaration.keyHeader === null) return platformCredential;
    const sent = context.providerKeys.get(declaration.provider);
    if (sent !== undefined) return { source: 'REQUEST_KEY', secret: sent };
    const stored = await this.dependencies.storedKeys.findFor(context.principal, declaration.provider);
    return stored ?? platformCredential;
  }
}

/** In the order of the lists of adapters, speech first. */
function entriesOf(providers: ProvidersOfCapabilities, book: PriceBook): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  const add = (capability: Capability, provider: AnyProvider, modelsOf: readonly Model[]): void => {
    const { declaration, configured, platformCredential } = provider;
    const before = entries.get(declaration.provider);
    entries.set(declaration.provider, {
      declaration: before?.declaration ?? declaration,
      capabilities: [...(before?.capabilities ?? []), capability],
      models: [...(before?.models ?? []), ...modelsOf],
      configured: configured || (before?.configured ?? false),
      platformCredential: (configured ? platformCredential : before?.platformCredential) ?? NO_CREDENTIAL,
    });
  };
  for (const provider of providers.speech.values()) {
    add('TEXT_TO_SPEECH', provider, provider.declaration.models.map(modelView('TEXT_TO_SPEECH', provider, book)));
  }
  for (const provider of providers.transcription.values()) {
    add('SPEECH_TO_TEXT', provider, provider.declaration.models.map(modelView('SPEECH_TO_TEXT', provider, book)));
  }
  for (const provider of providers.chat.values()) {
    const view = modelView('LANGUAGE_MODEL', provider, book);
    const models = provider.declaration.models.map((model: ChatModel) => ({
      ...view(model),
      maxOutputTokens: model.maxOutputTokens,
      defaultMaxOutputTokens: model.defaultMaxOutputTokens,
    }));
    add('LANGUAGE_MODEL', provider, models);
  }
  return entries;
}

const modelView =
  (capability: Capability, { declaration }: AnyProvider, book: PriceBook) =>
  (model: ModelDeclaration): Model => ({
    id: `${declaration.provider}/${model.name}`,
    name: model.name,
    capability,
    default: model.name === declaration.defaultModel,
    // Of the version that is in force when it is asked for.
    get rates() {
      return book.ratesOfModel(capability, declaration.provider, model.name).map(rateView);
    },
    retiredAt: model.retiredAt === undefined ? null : new Date(model.retiredAt),
    successor: model.successor === undefined ? null : `${declaration.provider}/${model.successor}`,
    maxOutputTokens: null,
    defaultMaxOutputTokens: null,
  });

/**
 * Every provider whatever it can do, by id, with what a key of the caller's own needs to know of it.
 * @throws TypeError when two providers take the same header: a key sent in it would reach both.
 */
export function keyedProviders(
  providers: ProvidersOfCapabilities,
): ReadonlyMap<string, Pick<ProviderDeclaration, 'name' | 'keyHeader'>> {
  const keyed = new Map<string, Pick<ProviderDeclaration, 'name' | 'keyHeader'>>();
  const owners = new Map<string, string>();
  for (const { declaration } of [
    ...providers.speech.values(),
    ...providers.transcription.values(),
    ...providers.chat.values(),
  ]) {
    const { provider, name, keyHeader } = declaration;
    const header = keyHeader?.toLowerCase();
    if (header !== undefined && (owners.get(header) ?? provider) !== provider) {
      throw new TypeError(
        `The providers ${owners.get(header)} and ${provider} take their keys in one header: ${header}.`,
      );
    }
    if (header !== undefined) owners.set(header, provider);
    const before = keyed.get(provider);
    keyed.set(provider, { name: before?.name ?? name, keyHeader: before?.keyHeader ?? keyHeader });
  }
  return keyed;
}
