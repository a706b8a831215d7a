import type { AudioFormat, FormatOffer } from './audio';
import type { Credential } from './credential';
import type { MarkupFeature, SpeechText } from './speech-text';

/** A model of a speech provider, as the public schema shows it: `provider/name`. */
export interface SpeechModel {
  /** Bare name, unique within the provider. */
  readonly name: string;
  /** Id on the wire. */
  readonly upstreamId: string;
  /** Most characters of one request, measured on the rendered text; longer texts are split at sentences. */
  readonly charactersMax: number;
  /** BCP 47 primary subtags; null: any, the provider decides. */
  readonly languages: readonly string[] | null;
  /** Longest speech that a character can give at speed 1: the bound of a hold that is priced by the second. */
  readonly millisecondsPerCharacterMax: number;
  /** RFC 3339 date on which the provider stops serving it, and the name of the model that follows. */
  readonly retiredAt?: string;
  readonly successor?: string;
}

/** One synthesis of one part of a text. Everything in it has been validated against what the adapter declares. */
export interface SpeechCall {
  readonly model: SpeechModel;
  /** The provider's own voice id. */
  readonly voice: string;
  readonly spans: SpeechText;
  readonly language: string | null;
  /** 1 is the voice's natural speed. */
  readonly speed: number;
  readonly style: string | null;
  readonly format: AudioFormat;
  readonly sampleRate: number;
  /** True when bytes are forwarded as they come; false when only the whole matters. */
  readonly streaming: boolean;
}

export interface ProviderVoice {
  readonly id: string;
  readonly name: string;
  readonly languages: readonly string[];
  readonly gender: string | null;
  readonly description: string | null;
  readonly previewUrl: string | null;
}

/** A request in the provider's own terms; the shared sender adds the base URL, limits, time-outs and retries. */
export interface ProviderRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. The base URL's scheme and host take the place of the documented ones. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/** Response headers, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface SpeechReport {
  readonly upstreamRequestId: string | null;
  /** The provider's own count, kept for reconciliation and never charged. */
  readonly billedUnits: { readonly unit: string; readonly quantity: number } | null;
}

/** What every speech adapter declares, whatever its transport. */
export interface SpeechDeclaration {
  readonly provider: string;
  readonly name: string;
  readonly firstParty: boolean;
  /** Header that carries the caller's own key; null where the provider takes none. */
  readonly keyHeader: string | null;
  readonly models: readonly [SpeechModel, ...SpeechModel[]];
  readonly defaultModel: string;
  readonly defaultVoice: string;
  /** The model that a voice is bound to, where voices are; null leaves the default. */
  modelOfVoice?(voice: string): string | null;
  /** The voice for a request that names none but a model or a language (BCP 47); null leaves the default. */
  voiceFor?(model: string | null, language: string | null): string | null;
  readonly formats: Partial<Record<AudioFormat, FormatOffer>>;
  readonly defaultFormat: AudioFormat;
  /** null: speed cannot be set. */
  readonly speed: { readonly min: number; readonly max: number } | null;
  readonly styles: readonly string[] | null;
  readonly markup: readonly MarkupFeature[];
  /** Text as the provider will read it; its length is what charactersMax limits. */
  render(spans: SpeechText): string;
}

/** A provider over HTTP: declarations only, about 100 lines; the shared sender does the work. */
export interface HttpSpeechAdapter extends SpeechDeclaration {
  readonly transport: 'http';
  /** Scheme and host of the fact sheet; null for self-hosted providers, which exist only when their base URL is set. */
  readonly defaultBaseUrl: string | null;
  /** Whether the platform needs a key to offer it. */
  readonly keyRequired: boolean;
  request(call: SpeechCall, credential: Credential): ProviderRequest;
  report(headers: ResponseHeaders): SpeechReport;
  /** One page of the voices that this credential may use. */
  voicesRequest(cursor: string | null, credential: Credential): ProviderRequest;
  voicesPage(body: unknown): { readonly voices: readonly ProviderVoice[]; readonly next: string | null };
  /** The provider's own words and code out of an error body that was parsed as JSON where possible. */
  errorOf(body: unknown): { readonly code?: string; readonly message?: string };
}

/** A provider that runs beside us, in a worker or child process. */
export interface EngineSpeechAdapter extends SpeechDeclaration {
  readonly transport: 'engine';
  voices(): Promise<readonly ProviderVoice[]>;
  synthesize(call: SpeechCall, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export type SpeechAdapter = HttpSpeechAdapter | EngineSpeechAdapter;

export interface SpeakOptions {
  readonly credential: Credential;
  readonly signal: AbortSignal;
  /** Milliseconds until the answer's first byte, and between bytes. */
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** An answer larger than this is refused (endless). */
  readonly bytesMax: number;
}

export interface SpeechResponse extends SpeechReport {
  /** Non-empty pieces as they arrive. Fails with ProviderError; leaving the loop cancels the upstream at once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What operations see of a speech provider: a declaration and two verbs. One call is one attempt; retrying is the operation's. */
export interface SpeechProvider {
  readonly declaration: SpeechDeclaration;
  /** The platform can serve it without the caller's key. */
  readonly configured: boolean;
  /** Credential of the platform; null when it has none and the provider needs one. */
  readonly platformCredential: Credential | null;
  speak(call: SpeechCall, options: SpeakOptions): Promise<SpeechResponse>;
  listVoices(credential: Credential, signal: AbortSignal): Promise<readonly ProviderVoice[]>;
  close(): Promise<void>;
}
