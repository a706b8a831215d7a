import type { SpeechProvider } from '../../providers/contract/tts';
import type { Capability } from '../../schema/enums/capability';
import type { Model } from '../../schema/types/model';
import type { Plan } from '../../schema/types/plan';
import type { Provider } from '../../schema/types/provider';
import type { RateCard } from '../../schema/types/rate-card';
import type { Caller } from '../identity/caller';
import { formatUsd } from '../lib/credits';
import type { PriceBook } from '../metering/price-book';
import { planView, rateView } from './account/plan-view';
import type { ProviderHealthWatch } from './provider-health';
import type { SpeechProviders } from './speech/speech-route';

/** What can be asked for, and what it costs. */
export class Catalogue {
  private readonly models = new Map<string, readonly Model[]>();

  constructor(
    private readonly book: PriceBook,
    private readonly speech: SpeechProviders,
    private readonly health: ProviderHealthWatch,
  ) {
    for (const provider of speech.values())
      this.models.set(provider.declaration.provider, speechModels(provider, book));
  }

  providers(context: Caller, capability: Capability | null): readonly Provider[] {
    if (capability !== null && capability !== 'TEXT_TO_SPEECH') return [];
    return [...this.speech.values()].map((provider) => this.view(provider, context));
  }

  provider(context: Caller, id: string): Provider | null {
    const provider = this.speech.get(id);
    return provider ? this.view(provider, context) : null;
  }

  rateCard(): RateCard {
    return {
      version: this.book.version,
      creditUsd: formatUsd(this.book.creditUsd),
      rates: this.book.allRates().map(rateView),
    };
  }

  plans(): readonly Plan[] {
    return this.book.plans.map(planView);
  }

  private view(provider: SpeechProvider, context: Caller): Provider {
    const { declaration } = provider;
    const ownKey = context.providerKeys.has(declaration.provider);
    return {
      id: declaration.provider,
      name: declaration.name,
      capabilities: ['TEXT_TO_SPEECH'],
      firstParty: declaration.firstParty,
      available: ownKey || provider.configured,
      byok: ownKey,
      models: this.models.get(declaration.provider)!,
      health: this.health.of(declaration.provider),
      keyHeader: declaration.keyHeader,
    };
  }
}

function speechModels({ declaration }: SpeechProvider, book: PriceBook): readonly Model[] {
  return declaration.models.map((model) => ({
    id: `${declaration.provider}/${model.name}`,
    name: model.name,
    capability: 'TEXT_TO_SPEECH',
    default: model.name === declaration.defaultModel,
    rates: book.ratesOfModel('TEXT_TO_SPEECH', declaration.provider, model.name).map(rateView),
    retiredAt: model.retiredAt === undefined ? null : new Date(model.retiredAt),
    successor: model.successor === undefined ? null : `${declaration.provider}/${model.successor}`,
    maxOutputTokens: null,
    defaultMaxOutputTokens: null,
  }));
}
