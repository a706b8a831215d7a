import type { SpeechProvider } from '../../../providers/contract/tts';
import type { VoiceFilter } from '../../../schema/inputs/voice-filter';
import type { Connection } from '../../../schema/types/connection';
import type { Voice } from '../../../schema/types/voice';
import type { PrincipalContext } from '../../identity/caller';
import type { StoredKeys } from '../../identity/provider-credentials/stored-keys';
import { checkFirst, decodeCursor, encodeCursor, foreignCursor, pageOf } from '../../lib/cursors';
import { AppError, notFound } from '../../lib/errors';
import { chooseCredential } from '../routing/credentials';
import { byPlace, type ListedVoice, type VoiceCatalogue, type VoiceListOwner } from '../voice-catalogue';
import { readVoiceFilter } from './voice-filter';

/** A provider that has not given its list by then is left out of the answer. */
const WAIT_MS = 4_000;

export interface VoiceDependencies {
  /** By id. */
  readonly providers: ReadonlyMap<string, SpeechProvider>;
  /** Ids of the providers of every capability. */
  readonly allProviders: ReadonlyMap<string, unknown>;
  readonly voices: VoiceCatalogue;
  readonly storedKeys: StoredKeys;
}

interface Place {
  readonly provider: string;
  readonly sortedBy: string;
  readonly id: string;
}

/** The voices that a caller can have speak: of each provider, those that the credential it would be asked with may use. */
export class VoiceOperations {
  constructor(private readonly dependencies: VoiceDependencies) {}

  /**
   * By the provider's id, then by name. A provider that does not give its list in time is left out; a page that was read
   * with a cursor goes on behind it, whatever has come or gone meanwhile.
   */
  async list(
    context: PrincipalContext,
    filter: VoiceFilter,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<Voice>> {
    const { providers, allProviders } = this.dependencies;
    const most = checkFirst(page.first);
    const fits = readVoiceFilter(
      filter,
      (id) => allProviders.has(id),
      () => [...providers.keys()],
    );
    const binding = { workspaceId: context.principal.workspaceId, query: 'voices', filter };
    const after = placeOf(decodeCursor(binding, page.after));
    const asked = [...providers.keys()]
      .filter((id) => filter.provider == null || id === filter.provider)
      .filter((id) => after === null || id >= after.provider)
      .sort((a, b) => (a < b ? -1 : 1));
    const lists = await Promise.all(asked.map((id) => this.listOf(context, providers.get(id)!)));
    const found: { voice: Voice; place: Place }[] = [];
    for (const [index, provider] of asked.entries()) {
      const { firstParty } = providers.get(provider)!.declaration;
      for (const listed of lists[index]!) {
        if (found.length > most) break;
        if (after?.provider === provider && byPlace(listed, after) <= 0) continue;
        const voice = voiceView(provider, listed);
        if (fits({ ...voice, firstParty })) found.push({ voice, place: { provider, ...placeWithin(listed) } });
      }
    }
    const { edges, pageInfo } = pageOf(found, most, page.after, ({ place }) =>
      encodeCursor(binding, [place.provider, place.sortedBy, place.id]),
    );
    return { edges: edges.map(({ cursor, node }) => ({ cursor, node: node.voice })), pageInfo };
  }

  /** NOT_FOUND for an id that no list has which this caller may see; PROVIDER_UNAVAILABLE where there is no list to be had. */
  async find(context: PrincipalContext, id: string): Promise<Voice> {
    const named = this.providerOf(id);
    const owner = named && (await this.ownerOf(context, named.provider));
    if (!named || !owner) throw notFound('voice');
    this.noteUse(owner);
    const found = await this.dependencies.voices.find(owner, named.voice);
    if (found) return voiceView(named.providerId, found);
    if (found === null) throw notFound('voice');
    throw new AppError(
      'PROVIDER_UNAVAILABLE',
      `${named.provider.declaration.name} does not give its list of voices at present; try again later.`,
      { provider: named.providerId, retryable: true, attempts: [] },
    );
  }

  /** The voice that spoke, as far as it is known without asking anybody; null where it is not. */
  async known(context: PrincipalContext, id: string | null): Promise<Voice | null> {
    const named = id === null ? null : this.providerOf(id);
    const owner = named && (await this.ownerOf(context, named.provider).catch(() => null));
    const found = named && owner && this.dependencies.voices.peek(owner, named.voice);
    return named && found ? voiceView(named.providerId, found) : null;
  }

  private async listOf(context: PrincipalContext, provider: SpeechProvider): Promise<readonly ListedVoice[]> {
    const owner = await this.ownerOf(context, provider);
    if (!owner) return [];
    this.noteUse(owner);
    return (await this.dependencies.voices.list(owner, WAIT_MS)) ?? [];
  }

  private noteUse({ provider, credential, workspaceId }: VoiceListOwner): void {
    if (credential.source !== 'STORED_KEY') return;
    this.dependencies.storedKeys.noteUse(workspaceId, provider.declaration.provider);
  }

  /** null where the caller's requests would not go out: there is no key, or the stored one cannot be read. */
  private async ownerOf(context: PrincipalContext, provider: SpeechProvider): Promise<VoiceListOwner | null> {
    const { workspaceId } = context.principal;
    try {
      const credential = await chooseCredential(provider, context, this.dependencies.storedKeys);
      return { provider, credential, workspaceId };
    } catch (error) {
      if (error instanceof AppError && error.fields.provider === provider.declaration.provider) return null;
      throw error;
    }
  }

  private providerOf(id: string): { providerId: string; provider: SpeechProvider; voice: string } | null {
    const slash = id.indexOf('/');
    const providerId = id.slice(0, Math.max(0, slash));
    const provider = this.dependencies.providers.get(providerId);
    return provider ? { providerId, provider, voice: id.slice(slash + 1) } : null;
  }
}

const placeWithin = ({ sortedBy, id }: ListedVoice): Omit<Place, 'provider'> => ({ sortedBy, id });

function placeOf(position: readonly string[] | null): Place | null {
  if (position === null) return null;
  const [provider, sortedBy, id] = position;
  if (position.length !== 3) throw foreignCursor();
  return { provider: provider!, sortedBy: sortedBy!, id: id! };
}

/** What becomes of first-party voices beyond this (qualities, consent, engines) no provider's list tells. */
const voiceView = (providerId: string, voice: ListedVoice): Voice => ({
  id: `${providerId}/${voice.id}`,
  providerVoiceId: voice.id,
  name: voice.name,
  providerId,
  languages: voice.languages,
  gender: voice.gender,
  description: voice.description,
  previewUrl: voice.previewUrl,
  quality: null,
  status: 'ENABLED',
  engineVersion: null,
  referenceCount: 0,
  consent: null,
  createdAt: null,
});
