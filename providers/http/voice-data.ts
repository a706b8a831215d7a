import type { Credential } from '../contract/credential';
import type { ProviderRequest } from '../contract/provider';
import type { HttpSpeechAdapter, ProviderVoice, SpeechVoiceData } from '../contract/tts';
import { cancelled, rejected } from './provider-failures';

/** After this it is asked for again by the next who needs it. */
const FRESH_MS = 600_000;
/** A voice that is not in it makes us ask again, but not more often than this. */
const REFRESH_AT_MOST_EVERY_MS = 60_000;

interface Known {
  /** On the monotonic clock. */
  readonly readAt: number;
  readonly voices: ReadonlyMap<string, { readonly voice: ProviderVoice; readonly data: unknown }>;
}

/**
 * What a provider tells of all its voices at once, kept for a while. It may be tens of megabytes, so whoever needs it at the same
 * time waits for one request. For providers that know nobody by a key of their own: what one credential may see, all may.
 */
export class VoiceData {
  private known: Known | null = null;
  private loading: Promise<Known> | null = null;
  private readonly closing = new AbortController();

  constructor(
    private readonly adapter: HttpSpeechAdapter,
    private readonly source: SpeechVoiceData,
    /** Answers a document, parsed. @throws ProviderError */
    private readonly ask: (request: ProviderRequest, credential: Credential, signal: AbortSignal) => Promise<unknown>,
  ) {}

  /** @throws ProviderError */
  async voices(credential: Credential, signal: AbortSignal): Promise<readonly ProviderVoice[]> {
    const { voices } = await this.read(credential, signal, FRESH_MS);
    return [...voices.values()].map(({ voice }) => voice);
  }

  /** What a call with this voice must carry. @throws ProviderError REJECTED where the provider has no such voice */
  async of(voiceId: string, credential: Credential, signal: AbortSignal): Promise<unknown> {
    const known = await this.read(credential, signal, FRESH_MS);
    const found =
      known.voices.get(voiceId) ?? (await this.read(credential, signal, REFRESH_AT_MOST_EVERY_MS)).voices.get(voiceId);
    if (found === undefined) throw rejected(this.adapter, 'has no such voice');
    return found.data;
  }

  close(): void {
    this.closing.abort();
  }

  private async read(credential: Credential, signal: AbortSignal, ageMsMax: number): Promise<Known> {
    if (this.known !== null && performance.now() - this.known.readAt < ageMsMax) return this.known;
    this.loading ??= this.load(credential).finally(() => {
      this.loading = null;
    });
    return unlessAborted(this.loading, signal, () => cancelled(this.adapter, signal.reason));
  }

  /** Does not hang on the first caller's patience: others may be waiting too. */
  private async load(credential: Credential): Promise<Known> {
    const document = await this.ask(this.source.request(credential), credential, this.closing.signal);
    let entries: ReturnType<SpeechVoiceData['read']>;
    try {
      entries = this.source.read(document);
    } catch {
      throw rejected(this.adapter, 'told of its voices in a form that is not its documented one');
    }
    this.known = { readAt: performance.now(), voices: new Map(entries.map((entry) => [entry.voice.id, entry])) };
    return this.known;
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, reason: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(reason());
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
