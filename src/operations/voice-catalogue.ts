import { createHash } from 'node:crypto';
import type { Credential } from '../../providers/contract/credential';
import type { ProviderVoice, SpeechProvider } from '../../providers/contract/tts';
import type { Clock } from '../lib/clock';

const FRESH_MS = 600_000;
/** An id that is not on the list, or a list that was not given, makes us ask again, but not more often than this. */
const REFRESH_AT_MOST_EVERY_MS = 60_000;
const LIST_TIMEOUT_MS = 10_000;
const LISTS_MAX = 500;

interface Entry {
  readonly askedAt: number;
  /** null: the provider did not give its list. */
  readonly voices: ReadonlyMap<string, ProviderVoice> | null;
}

/**
 * Which voices a credential may use, cached for each credential: the platform's list is shared, an own key's list is
 * its alone. A provider that does not give its list does not stop anybody: it will judge the id itself. A list that has
 * grown old is renewed behind the caller's back, so that only the first caller ever waits for it.
 */
export class VoiceCatalogue {
  private readonly entries = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<Entry>>();

  constructor(private readonly clock: Clock) {}

  /** The voice, null where the list does not have it, undefined where there is no list to be had. */
  async find(
    provider: SpeechProvider,
    credential: Credential,
    voiceId: string,
  ): Promise<ProviderVoice | null | undefined> {
    const key = keyOf(provider, credential);
    const cached = this.entries.get(key);
    if (!cached) return found(await this.load(key, provider, credential, null), voiceId);
    const age = this.clock.monotonic() - cached.askedAt;
    const known = cached.voices?.get(voiceId);
    if (known) {
      if (age >= FRESH_MS) void this.load(key, provider, credential, cached);
      return known;
    }
    if (age < REFRESH_AT_MOST_EVERY_MS) return found(cached, voiceId);
    return found(await this.load(key, provider, credential, cached), voiceId);
  }

  /** Never rejects: where no list comes, the one before stands. */
  private load(key: string, provider: SpeechProvider, credential: Credential, before: Entry | null): Promise<Entry> {
    const running = this.loading.get(key);
    if (running) return running;
    const loading = provider
      .listVoices(credential, AbortSignal.timeout(LIST_TIMEOUT_MS))
      .then(
        (voices) => new Map(voices.map((voice) => [voice.id, voice])),
        () => before?.voices ?? null,
      )
      .then((voices) => {
        const entry = { askedAt: this.clock.monotonic(), voices };
        this.entries.delete(key);
        if (this.entries.size >= LISTS_MAX) this.entries.delete(this.entries.keys().next().value!);
        this.entries.set(key, entry);
        this.loading.delete(key);
        return entry;
      });
    this.loading.set(key, loading);
    return loading;
  }
}

const found = ({ voices }: Entry, voiceId: string): ProviderVoice | null | undefined =>
  voices ? (voices.get(voiceId) ?? null) : undefined;

/** Own keys appear as a fingerprint only. */
function keyOf(provider: SpeechProvider, credential: Credential): string {
  const id = provider.declaration.provider;
  if (credential.source !== 'REQUEST_KEY' && credential.source !== 'STORED_KEY') return id;
  return `${id}:${createHash('sha256')
    .update(credential.secret ?? '')
    .digest('base64url')}`;
}
