import type { Credential } from '../../providers/contract/credential';
import { ProviderError } from '../../providers/contract/errors';
import type { ProviderVoice, SpeechProvider } from '../../providers/contract/tts';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { credentialKey, isOwnKey } from './routing/credentials';

const FRESH_MS = 600_000;
/** An id that is not on the list, or a list that was not given, makes us ask again, but not more often than this. */
const ASK_AT_MOST_EVERY_MS = 60_000;
const LIST_TIMEOUT_MS = 10_000;
/** Lists of own keys, and voices on them, that are remembered; the list that was unused the longest makes room. */
const OWN_LISTS_MAX = 500;
const OWN_VOICES_MAX = 100_000;
/** Inputs take no longer name of a voice, so a voice of a longer id could not be asked for. */
const VOICE_ID_MAX = 200;
/** What of a name decides its place; a cursor holds it. */
const SORTED_BY_MAX = 64;

/** Whose list it is. */
export interface VoiceListOwner {
  readonly provider: SpeechProvider;
  readonly credential: Credential;
  /** Decides nothing for the platform's credentials; the list of an own key is its workspace's alone. */
  readonly workspaceId: string;
}

export interface ListedVoice extends ProviderVoice {
  /** Its place among the voices of its provider; equals are in the order of their ids. */
  readonly sortedBy: string;
}

interface VoiceList {
  readonly byId: ReadonlyMap<string, ListedVoice>;
  readonly sorted: readonly ListedVoice[];
}

interface Entry {
  /** On the monotonic clock: when the provider was last asked, and when it last answered. */
  readonly askedAt: number;
  readonly readAt: number;
  /** null: the provider did not give its list. */
  readonly list: VoiceList | null;
}

/**
 * Which voices a credential may use, cached for each credential: the platform's list is shared, an own key's list is its
 * workspace's alone, found by a fingerprint of the key. A provider that does not give its list does not stop anybody: it
 * will judge the id itself. A list that has grown old is renewed behind the caller's back, so that only the first caller
 * ever waits for it; a key that its provider refuses loses its list.
 */
export class VoiceCatalogue {
  private readonly platform = new Map<string, Entry>();
  private readonly own = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<Entry>>();
  private ownVoices = 0;

  constructor(private readonly clock: Clock) {}

  /**
   * The voice, null where the list does not have it, undefined where there is no list to be had, or only a window on more
   * voices, which nobody waits for.
   */
  async find(owner: VoiceListOwner, voiceId: string): Promise<ListedVoice | null | undefined> {
    const key = keyOf(owner);
    const entry = this.remembered(owner, key);
    if (owner.provider.declaration.listsEveryVoice === false) {
      if (entry) this.renew(owner, key, entry);
      else void this.load(owner, key, null);
      return entry?.list?.byId.get(voiceId);
    }
    if (!entry) return found(await this.load(owner, key, null), voiceId);
    const known = entry.list?.byId.get(voiceId);
    if (known) {
      this.renew(owner, key, entry);
      return known;
    }
    if (this.clock.monotonic() - entry.askedAt < ASK_AT_MOST_EVERY_MS) return found(entry, voiceId);
    return found(await this.load(owner, key, entry), voiceId);
  }

  /** The voice, where a list that has it is at hand: asks nobody. */
  peek(owner: VoiceListOwner, voiceId: string): ListedVoice | null {
    return this.remembered(owner, keyOf(owner))?.list?.byId.get(voiceId) ?? null;
  }

  /**
   * All voices by name, as they were when the provider was last asked; null where there is no list to be had within
   * `waitMs`. What comes later is there for the next caller.
   */
  async list(owner: VoiceListOwner, waitMs: number): Promise<readonly ListedVoice[] | null> {
    const key = keyOf(owner);
    const entry = this.remembered(owner, key);
    if (entry?.list) {
      this.renew(owner, key, entry);
      return entry.list.sorted;
    }
    if (entry && this.clock.monotonic() - entry.askedAt < ASK_AT_MOST_EVERY_MS) return null;
    try {
      const loaded = await withDeadline(this.load(owner, key, entry), waitMs, this.clock, 'A list of voices');
      return loaded.list?.sorted ?? null;
    } catch {
      return null;
    }
  }

  private renew(owner: VoiceListOwner, key: string, entry: Entry): void {
    const now = this.clock.monotonic();
    if (now - entry.readAt < FRESH_MS || now - entry.askedAt < ASK_AT_MOST_EVERY_MS) return;
    void this.load(owner, key, entry);
  }

  private remembered({ credential }: VoiceListOwner, key: string): Entry | null {
    if (!isOwnKey(credential)) return this.platform.get(key) ?? null;
    const entry = this.own.get(key);
    if (!entry) return null;
    this.own.delete(key);
    this.own.set(key, entry);
    return entry;
  }

  /** Never rejects: where no list comes, the one before stands. */
  private load(owner: VoiceListOwner, key: string, before: Entry | null): Promise<Entry> {
    const running = this.loading.get(key);
    if (running) return running;
    const loading = this.ask(owner, before).then((entry) => {
      this.remember(owner, key, entry);
      this.loading.delete(key);
      return entry;
    });
    this.loading.set(key, loading);
    return loading;
  }

  private async ask({ provider, credential }: VoiceListOwner, before: Entry | null): Promise<Entry> {
    try {
      const asking = provider.listVoices(credential, AbortSignal.timeout(LIST_TIMEOUT_MS));
      const voices = await withDeadline(asking, LIST_TIMEOUT_MS, this.clock, 'A list of voices');
      const now = this.clock.monotonic();
      return { askedAt: now, readAt: now, list: listOf(voices) };
    } catch (error) {
      const refused = error instanceof ProviderError && error.kind === 'UNAUTHORIZED';
      return {
        askedAt: this.clock.monotonic(),
        readAt: before?.readAt ?? Number.NEGATIVE_INFINITY,
        list: refused ? null : (before?.list ?? null),
      };
    }
  }

  private remember({ credential }: VoiceListOwner, key: string, entry: Entry): void {
    if (!isOwnKey(credential)) {
      this.platform.set(key, entry);
      return;
    }
    this.forget(key);
    this.own.set(key, entry);
    this.ownVoices += sizeOf(entry);
    for (const oldest of this.own.keys()) {
      if (this.own.size <= OWN_LISTS_MAX && this.ownVoices <= OWN_VOICES_MAX) break;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    const entry = this.own.get(key);
    if (!entry) return;
    this.own.delete(key);
    this.ownVoices -= sizeOf(entry);
  }
}

const found = ({ list }: Entry, voiceId: string): ListedVoice | null | undefined =>
  list ? (list.byId.get(voiceId) ?? null) : undefined;

const sizeOf = ({ list }: Entry): number => list?.sorted.length ?? 0;

function keyOf({ provider, credential, workspaceId }: VoiceListOwner): string {
  const key = credentialKey(provider.declaration.provider, credential);
  return isOwnKey(credential) ? `${workspaceId}:${key}` : key;
}

function listOf(voices: readonly ProviderVoice[]): VoiceList {
  const byId = new Map<string, ListedVoice>();
  for (const voice of voices) {
    if (voice.id === '' || voice.id.length > VOICE_ID_MAX) continue;
    byId.set(voice.id, { ...voice, sortedBy: voice.name.normalize('NFKC').toLowerCase().slice(0, SORTED_BY_MAX) });
  }
  return { byId, sorted: [...byId.values()].sort(byPlace) };
}

/** The order of voices within their provider, by code units: the same on every machine. */
export function byPlace(a: Pick<ListedVoice, 'sortedBy' | 'id'>, b: Pick<ListedVoice, 'sortedBy' | 'id'>): -1 | 0 | 1 {
  if (a.sortedBy !== b.sortedBy) return a.sortedBy < b.sortedBy ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
