import type { Credential } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { ProviderRequest } from '../contract/provider';
import type {
  HttpSpeechAdapter,
  ProviderVoice,
  SpeakOptions,
  SpeechCall,
  SpeechProvider,
  SpeechResponse,
} from '../contract/tts';
import { promisesMessages } from './answer-messages';
import { hiddenStrings, promisesAudio, promisesDocument, refusalOf, refuseMalformedKey } from './answers';
import { fetchAudio } from './audio-elsewhere';
import { Exchange, type ExchangeLimits } from './exchange';
import { MessageAudio } from './message-audio';
import { type HttpProviderSettings, ProviderClient } from './provider-client';
import { rejected } from './provider-failures';
import { VoiceData } from './voice-data';

/** A voices page may take this long to begin and to go on; it is no part of a synthesis and has no deadline of its own. */
const VOICES_LIMITS: ExchangeLimits = { firstByteTimeoutMs: 15_000, idleTimeoutMs: 10_000, bytesMax: 16 * 1024 * 1024 };
/** What comes with the voices' own numbers is tens of megabytes. */
const VOICE_DATA_LIMITS: ExchangeLimits = { ...VOICES_LIMITS, firstByteTimeoutMs: 60_000, bytesMax: 256 * 1024 * 1024 };
const VOICES_PAGES_MAX = 50;
const VOICES_MAX = 5_000;

/**
 * Turns an adapter's declarations into a provider: sends, keeps the limits of size and time, maps every failure to a
 * ProviderError and cancels upstream when the caller leaves. Throws TypeError when the base URL is unusable.
 *
 * `speak` resolves when the first byte of audio has arrived, so every failure before that is a rejected promise and may
 * be retried; afterwards `chunks` fails, and nothing may be retried. A response that is not read holds its connection until
 * its signal aborts: read it, leave its loop, or abort.
 */
export function httpSpeechProvider(adapter: HttpSpeechAdapter, settings: HttpProviderSettings = {}): SpeechProvider {
  return new HttpSpeechProvider(adapter, new ProviderClient(adapter, settings));
}

class HttpSpeechProvider implements SpeechProvider {
  readonly platformCredential: Credential | null;
  readonly configured: boolean;
  private readonly voiceData: VoiceData | null;

  constructor(
    readonly declaration: HttpSpeechAdapter,
    private readonly client: ProviderClient,
  ) {
    this.platformCredential = client.platformCredential;
    this.configured = client.platformCredential !== null;
    this.voiceData = declaration.voiceData
      ? new VoiceData(declaration, declaration.voiceData, (request, credential, signal) =>
          this.document(request, VOICE_DATA_LIMITS, credential, signal),
        )
      : null;
  }

  async speak(call: SpeechCall, options: SpeakOptions): Promise<SpeechResponse> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, options.credential);
    const voiceData = await this.voiceData?.of(call.voice, options.credential, options.signal);
    const framing = adapter.framing?.(call) ?? 'bytes';
    const isPromised = framing === 'bytes' ? promisesAudio : promisesMessages;
    const exchange = new Exchange(adapter, options, options.signal, isPromised);
    const hidden = (): string[] => {
      const texts = call.spans.map((span) => (span.kind === 'text' ? span.text : ''));
      return hiddenStrings(options.credential, [adapter.render(call.spans), ...texts]);
    };
    if (!(await this.client.send(exchange, adapter.request(call, options.credential, voiceData)))) {
      throw await refusalOf(exchange, adapter, hidden());
    }
    if (framing !== 'bytes') {
      const audio = (url: string) => fetchAudio(url, adapter, this.client, options);
      return new MessageAudio(adapter, call, exchange, { framing, hidden, fetchAudio: audio }).begin();
    }
    const { headers } = exchange;
    return {
      upstreamRequestId: adapter.requestIdOf(headers),
      billedUnits: adapter.billedUnits(headers, call),
      chunks: exchange,
    };
  }

  async listVoices(credential: Credential, signal: AbortSignal): Promise<readonly ProviderVoice[]> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, credential);
    if (this.voiceData) return this.voiceData.voices(credential, signal);
    const voices = new Map<string, ProviderVoice>();
    const seen = new Set<string>();
    let cursor: string | null = null;
    for (let page = 0; page < VOICES_PAGES_MAX; page++) {
      const answer = await this.voicesPageAt(cursor, credential, signal);
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
    this.voiceData?.close();
    await this.client.close();
  }

  private async voicesPageAt(
    cursor: string | null,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ReturnType<HttpSpeechAdapter['voicesPage']>> {
    try {
      return await this.voicesPage(cursor, credential, signal);
    } catch (error) {
      const { voicesElsewhere } = this.declaration;
      const isAbsent = cursor === null && error instanceof ProviderError && error.status === 404;
      if (!isAbsent || voicesElsewhere === undefined) throw error;
      return this.voicesPage(voicesElsewhere, credential, signal);
    }
  }

  private async voicesPage(
    cursor: string | null,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<ReturnType<HttpSpeechAdapter['voicesPage']>> {
    const { declaration: adapter } = this;
    const request = adapter.voicesRequest(cursor, credential);
    if (request === null) return { voices: adapter.voices ?? [], next: null };
    const document = await this.document(request, VOICES_LIMITS, credential, signal);
    try {
      return adapter.voicesPage(document, cursor);
    } catch {
      // A reader's complaint may quote the document, so it is not kept.
      throw rejected(adapter, 'answered its list of voices in a form that is not its documented one', 200);
    }
  }

  /** A whole answer, parsed. @throws ProviderError */
  private async document(
    request: ProviderRequest,
    limits: ExchangeLimits,
    credential: Credential,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { declaration: adapter } = this;
    const exchange = new Exchange(adapter, limits, signal, promisesDocument);
    if (!(await this.client.send(exchange, request))) {
      throw await refusalOf(exchange, adapter, hiddenStrings(credential, []));
    }
    const pieces: Uint8Array[] = [];
    for await (const chunk of exchange) pieces.push(chunk);
    try {
      return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
    } catch {
      throw rejected(adapter, 'answered its list of voices with something that is not JSON', exchange.status);
    }
  }
}
