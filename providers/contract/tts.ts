import type { AudioFormat, FormatOffer } from './audio';
import type { Credential } from './credential';
import type {
  AnswerMessage,
  CallOptions,
  ConfiguredProvider,
  HttpEndpoint,
  ModelDeclaration,
  ProviderCount,
  ProviderDeclaration,
  ProviderRequest,
  ResponseHeaders,
} from './provider';
import type { MarkupFeature, SpeechText } from './speech-text';

export interface SpeechModel extends ModelDeclaration {
  /** Most characters of one request, measured on the rendered text; longer texts are split at sentences. */
  readonly charactersMax: number;
  /** BCP 47 primary subtags; null: any, the provider decides. */
  readonly languages: readonly string[] | null;
  /** Longest speech that a character can give at speed 1: the bound of a hold that is priced by the second. */
  readonly millisecondsPerCharacterMax: number;
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

export interface SpeechReport {
  readonly upstreamRequestId: string | null;
  readonly billedUnits: ProviderCount | null;
}

/** What every speech adapter declares, whatever its transport. */
export interface SpeechDeclaration extends ProviderDeclaration {
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

/**
 * How audio lies in an answer. bytes: the body is the audio. json: one document. json-lines: a document a line.
 * events: server-sent events.
 */
export type SpeechFraming = 'bytes' | 'json' | 'json-lines' | 'events';

/** What one message of an answer that is not plain bytes holds. */
export interface SpeechMessage {
  /** The next piece of audio, decoded. */
  readonly audio?: Uint8Array;
  /** Where the whole audio lies: https, on a host that the adapter names in `audioHosts`. */
  readonly audioUrl?: string;
  readonly billedUnits?: ProviderCount;
  readonly upstreamRequestId?: string;
  /** The provider says that nothing follows: an answer that ends before was cut. */
  readonly last?: boolean;
}

/** A provider over HTTP: declarations only, about 100 lines; the shared sender does the work. */
export interface HttpSpeechAdapter extends SpeechDeclaration, HttpEndpoint {
  readonly transport: 'http';
  request(call: SpeechCall, credential: Credential): ProviderRequest;
  /** The provider's own count, where the headers of an answer tell it. */
  billedUnits(headers: ResponseHeaders): ProviderCount | null;
  /** Left out: bytes. */
  framing?(call: SpeechCall): SpeechFraming;
  /**
   * Reads one message of an answer that is not plain bytes. Throws TypeError when it is not of the documented form, and
   * ProviderError when it is an error, whatever the status said.
   */
  message?(message: AnswerMessage, call: SpeechCall): SpeechMessage;
  /** Hosts from which audio may be fetched where an answer names its address; "*.example.com" takes subdomains. */
  readonly audioHosts?: readonly string[];
  /** One page of the voices that this credential may use; null: the provider has no list, and `voices` stands. */
  voicesRequest(cursor: string | null, credential: Credential): ProviderRequest | null;
  voicesPage(body: unknown): { readonly voices: readonly ProviderVoice[]; readonly next: string | null };
  /** Voices that are known without asking, where `voicesRequest` answers null. */
  readonly voices?: readonly ProviderVoice[];
}

/** A provider that runs beside us, in a worker or child process. */
export interface EngineSpeechAdapter extends SpeechDeclaration {
  readonly transport: 'engine';
  voices(): Promise<readonly ProviderVoice[]>;
  synthesize(call: SpeechCall, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export type SpeechAdapter = HttpSpeechAdapter | EngineSpeechAdapter;

export type SpeakOptions = CallOptions;

export interface SpeechResponse extends SpeechReport {
  /** Non-empty pieces as they arrive. Fails with ProviderError; leaving the loop cancels the upstream at once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What operations see of a speech provider: a declaration and two verbs. One call is one attempt; retrying is the operation's. */
export interface SpeechProvider extends ConfiguredProvider<SpeechDeclaration> {
  speak(call: SpeechCall, options: SpeakOptions): Promise<SpeechResponse>;
  listVoices(credential: Credential, signal: AbortSignal): Promise<readonly ProviderVoice[]>;
}
