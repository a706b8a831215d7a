import { type Dispatcher, Pool } from 'undici';
import { type Credential, NO_CREDENTIAL } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type {
  HttpSpeechAdapter,
  ProviderRequest,
  ProviderVoice,
  SpeakOptions,
  SpeechCall,
  SpeechProvider,
  SpeechResponse,
} from '../contract/tts';
import { hiddenStrings, promisesAudio, promisesDocument, refusalOf, refuseMalformedKey } from './answers';
import { type BaseUrl, parseBaseUrl } from './base-url';
import { Exchange, type ExchangeLimits } from './exchange';
import { rejected } from './provider-failures';

export interface HttpProviderSettings {
  /** Takes the place of scheme, host and port of the documented address; a path is kept as a prefix. */
  readonly baseUrl?: string;
  /** The platform's own key. */
  readonly apiKey?: string;
  /** Sends the requests instead of a pool of this provider's own; who passes one closes it. */
  readonly dispatcher?: Dispatcher;
}

/** A voices page may take this long to begin and to go on; it is no part of a synthesis and has no deadline of its own. */
const VOICES_LIMITS: ExchangeLimits = { firstByteTimeoutMs: 15_000, idleTimeoutMs: 10_000, bytesMax: 16 * 1024 * 1024 };
const VOICES_PAGES_MAX = 50;
const VOICES_MAX = 5_000;

/** Where the settings that a message names come from: provider `fish-audio` reads FISH_AUDIO_BASE_URL. */
export function settingName(provider: string, suffix: 'API_KEY' | 'BASE_URL'): string {
  return `${provider.toUpperCase().replaceAll('-', '_')}_${suffix}`;
}

/**
 * Turns an adapter's declarations into a provider: sends, keeps the limits of size and time, maps every failure to a
 * ProviderError and cancels upstream when the caller leaves. Throws TypeError when the base URL is unusable.
 *
 * `speak` resolves when the first byte of audio has arrived, so every failure before that is a rejected promise and may
 * be retried; afterwards `chunks` fails, and nothing may be retried. A response that is not read holds its connection until
 * its signal aborts: read it, leave its loop, or abort.
 */
export function httpSpeechProvider(adapter: HttpSpeechAdapter, settings: HttpProviderSettings = {}): SpeechProvider {
  const address = settings.baseUrl ?? adapter.defaultBaseUrl;
  const baseUrl = address === null ? null : parseBaseUrl(address, settingName(adapter.provider, 'BASE_URL'));
  return new HttpSpeechProvider(adapter, baseUrl, settings.apiKey || null, settings.dispatcher ?? null);
}

class HttpSpeechProvider implements SpeechProvider {
  readonly platformCredential: Credential | null;
  readonly configured: boolean;
  private readonly dispatcher: Dispatcher | null;
  private readonly ownsDispatcher: boolean;

  constructor(
    readonly declaration: HttpSpeechAdapter,
    private readonly baseUrl: BaseUrl | null,
    apiKey: string | null,
    dispatcher: Dispatcher | null,
  ) {
    this.platformCredential = baseUrl === null ? null : platformCredential(declaration, apiKey);
    this.configured = this.platformCredential !== null;
    this.ownsDispatcher = dispatcher === null && baseUrl !== null;
    // As many connections as there are calls, one call each: a call must never wait behind another's audio.
    this.dispatcher =
      dispatcher ?? (baseUrl === null ? null : new Pool(baseUrl.origin, { connections: null, pipelining: 1 }));
  }

  async speak(call: SpeechCall, options: SpeakOptions): Promise<SpeechResponse> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, options.credential);
    const exchange = new Exchange(adapter, options, options.signal, promisesAudio);
    if (!(await this.send(exchange, adapter.request(call, options.credential)))) {
      const texts = call.spans.map((span) => (span.kind === 'text' ? span.text : ''));
      throw await refusalOf(
        exchange,
        adapter,
        hiddenStrings(options.credential, [adapter.render(call.spans), ...texts]),
      );
    }
    const { upstreamRequestId, billedUnits } = adapter.report(exchange.headers);
    return { upstreamRequestId, billedUnits, chunks: exchange };
  }

  async listVoices(credential: Credential, signal: AbortSignal): Promise<readonly ProviderVoice[]> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, credential);
    const voices = new Map<string, ProviderVoice>();
    const seen = new Set<string>();
    let cursor: string | null = null;
    for (let page = 0; page < VOICES_PAGES_MAX; page++) {
      const answer = await this.voicesPage(cursor, credential, signal);
      for (const voice of answer.voices) {
        if (voices.size < VOICES_MAX && !voices.has(voice.id)) voices.set(voice.id, voice);
      }
      cursor = answer.next;
      // A cursor that comes back would be followed in a circle.
      if (cursor === null || seen.has(cursor) || voices.size >= VOICES_MAX) break;
      seen.add(cursor);
    }
    return [...voices.values()];
  }

  async close(): Promise<void> {
    if (this.ownsDispatcher) await this.dispatcher?.destroy();
  }

  private async voicesPage(
    cursor: string | null,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ReturnType<HttpSpeechAdapter['voicesPage']>> {
    const { declaration: adapter } = this;
    const exchange = new Exchange(adapter, VOICES_LIMITS, signal, promisesDocument);
    if (!(await this.send(exchange, adapter.voicesRequest(cursor, credential)))) {
      throw await refusalOf(exchange, adapter, hiddenStrings(credential, []));
    }
    const pieces: Uint8Array[] = [];
    for await (const chunk of exchange) pieces.push(chunk);
    try {
      return adapter.voicesPage(JSON.parse(Buffer.concat(pieces).toString('utf8')));
    } catch {
      // The parser's message quotes the document, so it is not kept.
      throw rejected(adapter, 'answered its list of voices in a form that is not its documented one', exchange.status);
    }
  }

  private async send(exchange: Exchange, request: ProviderRequest): Promise<boolean> {
    const { declaration: adapter, dispatcher, baseUrl } = this;
    if (dispatcher === null || baseUrl === null) {
      throw new ProviderError({
        provider: adapter.provider,
        kind: 'UNAVAILABLE',
        message: `${adapter.name} has no address here. Set ${settingName(adapter.provider, 'BASE_URL')} to that of your server.`,
        retryable: false,
      });
    }
    const hasBody = request.json !== undefined;
    return exchange.send(dispatcher, {
      origin: baseUrl.origin,
      path: baseUrl.pathPrefix + request.path,
      method: request.method,
      headers: {
        'user-agent': 'polyphony',
        'accept-encoding': 'identity',
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...request.headers,
      },
      body: hasBody ? JSON.stringify(request.json) : null,
    });
  }
}

function platformCredential(adapter: HttpSpeechAdapter, apiKey: string | null): Credential | null {
  if (apiKey !== null) return { source: 'PLATFORM', secret: apiKey };
  return adapter.keyRequired ? null : NO_CREDENTIAL;
}
