import { createHash } from 'node:crypto';
import type { Credential } from '../../providers/contract/credential';
import type { ProviderVoice, SpeechProvider } from '../../providers/contract/tts';
import type { Clock } from '../lib/clock';

const FRESH_MS = 600_000;
/** An id that is not on the list makes us ask again, but not more often than this. */
const REFRESH_AT_MOST_EVERY_MS = 60_000;
const LIST_TIMEOUT_MS = 10_000;
const LISTS_MAX = 500;

interface Entry {
  readonly loadedAt: number;
  readonly voices: ReadonlyMap<string, ProviderVoice>;
}

/**
 * Which voices a credential may use, cached for each credential: the platform's list is shared, an own key's list is
 * its alone. A provider that does not give its list does not stop anybody: it will judge the id itself.
 */
export class VoiceCatalogue {
  private readonly entries = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<Entry | null>>();

  constructor(private readonly clock: Clock) {}

  /** The voice, null where the list does not have it, undefined where there is no list to be had. */
  async find(
    provider: SpeechProvider,
    credential: Credential,
    voiceId: string,
  ): Promise<ProviderVoice | null | undefined> {
    const key = keyOf(provider, credential);
    const cached = this.entries.get(key);
    const age = cached ? this.clock.monotonic() - cached.loadedAt : Number.POSITIVE_INFINITY;
    if (cached && age < FRESH_MS) {
      const voice = cached.voices.get(voiceId);
      if (voice || age < REFRESH_AT_MOST_EVERY_MS) return voice ?? null;
    }
    const entry = (await this.load(key, provider, credential)) ?? cached;
    return entry ? (entry.voices.get(voiceId) ?? null) : undefined;
  }

  private load(key: string, provider: SpeechProvider, credential: Credential): Promise<Entry | null> {
    const running = this.loading.get(key);
    if (running) return running;
    const loading = provider
      .listVoices(credential, AbortSignal.timeout(LIST_TIMEOUT_MS))
      .then((voices) => {
        const entry = { loadedAt: this.clock.monotonic(), voices: new Map(voices.map((voice) => [voice.id, voice])) };
        this.entries.delete(key);
        if (this.entries.size >= LISTS_MAX) this.entries.delete(this.entries.keys().next().value!);
        this.entries.set(key, entry);
        return entry;
      })
      .catch(() => null)
      .finally(() => this.loading.delete(key));
    this.loading.set(key, loading);
    return loading;
  }
}

/** Own keys appear as a fingerprint only. */
function keyOf(provider: SpeechProvider, credential: Credential): string {
  const id = provider.declaration.provider;
  if (credential.source !== 'REQUEST_KEY' && credential.source !== 'STORED_KEY') return id;
  return `${id}:${createHash('sha256')
    .update(credential.secret ?? '')
    .digest('base64url')}`;
}
