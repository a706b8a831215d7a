import type { UsageSource } from '../providers/contract/usage';
import { loadProviderModules, ProviderModulesError, refuseSharedKeyHeaders } from '../providers/modules/load-modules';
import {
  createChatProviders,
  createSpeechProviders,
  createTranscriptionProviders,
  createUsageSources,
} from '../providers/registry';
import { PROVIDER_IDS, type Settings, SettingsError } from './config';
import type { ProvidersOfCapabilities } from './operations/catalogue';

/** Adapters that take the place of those that the settings name. */
export interface ProviderReplacements {
  readonly speechProviders?: ProvidersOfCapabilities['speech'];
  readonly transcriptionProviders?: ProvidersOfCapabilities['transcription'];
  readonly chatProviders?: ProvidersOfCapabilities['chat'];
}

/** Our adapters and those of PROVIDER_MODULES, with their settings. @throws SettingsError */
export function openProviders(settings: Settings, replacements: ProviderReplacements): ProvidersOfCapabilities {
  try {
    const { speech, transcription, chat } = loadProviderModules(settings.providerModules);
    const ids = [...speech, ...transcription, ...chat].map(({ provider }) => provider);
    const plain = plainSettings({ ...settings.providers, ...settings.settingsOfProviders(ids) });
    const providers = {
      speech: replacements.speechProviders ?? createSpeechProviders(plain, speech),
      transcription: replacements.transcriptionProviders ?? createTranscriptionProviders(plain, transcription),
      chat: replacements.chatProviders ?? createChatProviders(plain, chat),
    };
    refuseSharedKeyHeaders(
      Object.values(providers).flatMap((ofCapability) =>
        [...ofCapability.values()].map(({ declaration }) => declaration),
      ),
    );
    return providers;
  } catch (error) {
    throw error instanceof ProviderModulesError ? new SettingsError(error.faults) : error;
  }
}

/** Secrets leave their wrapper here, for the adapters and nobody else. */
function plainSettings(
  providers: Settings['providers'],
): Record<string, { apiKey?: string; adminKey?: string; baseUrl?: string }> {
  return Object.fromEntries(
    Object.entries(providers).map(([id, provider]) => [
      id,
      {
        ...(provider.apiKey && { apiKey: provider.apiKey.reveal() }),
        ...(provider.adminKey && { adminKey: provider.adminKey.reveal() }),
        ...(provider.baseUrl !== undefined && { baseUrl: provider.baseUrl }),
      },
    ]),
  );
}

/** Who tells what it counted, with the keys that open the records. */
export const openUsageSources = ({ providers }: Settings): Map<string, UsageSource> =>
  createUsageSources(plainSettings(providers));

/** Ids of our providers and of those that PROVIDER_MODULES brings, without opening any. */
export function knownProviders({ providerModules }: Settings): ReadonlySet<string> {
  const { speech, transcription, chat } = loadProviderModules(providerModules);
  return new Set([...PROVIDER_IDS, ...[...speech, ...transcription, ...chat].map(({ provider }) => provider)]);
}

/** Ids of the adapters that are open. */
export const providerIds = (providers: ProvidersOfCapabilities): ReadonlySet<string> =>
  new Set(Object.values(providers).flatMap((ofCapability) => [...ofCapability.keys()]));

/** Ids of the adapters whose speech is first-party, which an allowance may count; for what works without a server. */
export async function firstPartyProviders(): Promise<ReadonlySet<string>> {
  const providers = [...createSpeechProviders().values()];
  const own = providers.filter(({ declaration }) => declaration.firstParty);
  await Promise.all(providers.map((provider) => provider.close()));
  return new Set(own.map(({ declaration }) => declaration.provider));
}
