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

/** Qualities of first-party voices; the names are those of the public schema. */
export const SPEECH_QUALITIES = ['STANDARD', 'PREMIUM', 'ULTRA'] as const;
export type SpeechQuality = (typeof SPEECH_QUALITIES)[number];

export interface SpeechModel extends ModelDeclaration {
  /** Most characters of one request, measured on the rendered text; longer texts are split at sentences. */
  readonly charactersMax: number;
  /** What takes its place in some languages, by BCP 47 primary subtag. */
  readonly charactersMaxOfLanguage?: Readonly<Record<string, number>>;
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
  /** null where the adapter declares no qualities. */
  readonly quality: SpeechQuality | null;
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

/** What the provider says of its work. Where its messages tell it, it is final only once the audio has been read. */
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
  /** False where the list of voices is a window on more of them: an id that it does not have is the provider's to judge. */
  readonly listsEveryVoice?: boolean;
  readonly formats: Partial<Record<AudioFormat, FormatOffer>>;
  readonly defaultFormat: AudioFormat;
  /** null: speed cannot be set. */
  readonly speed: { readonly min: number; readonly max: number } | null;
  readonly styles: readonly string[] | null;
  /** Qualities to choose from, the default first; left out: none, and a request that names one is refused. */
  readonly qualities?: readonly [SpeechQuality, ...SpeechQuality[]];
  /** Formats whose audio comes while it is made, when `streaming` asks for it; left out: all. */
  readonly streamedFormats?: readonly AudioFormat[];
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
  /** Where the whole audio lies: an address on a host that the adapter names in `audioHosts`; it is asked over https. */
  readonly audioUrl?: string;
  /** Takes the place of earlier figures, unless the adapter's `billedTotal` says otherwise. */
  readonly billedUnits?: ProviderCount;
  readonly upstreamRequestId?: string;
  /**
   * The provider says that nothing follows: an answer that ends before was cut. What comes behind it is not read. One
   * document is always the last.
   */
  readonly last?: boolean;
}

/** What a provider tells of all its voices at once, asked before the first call that needs it and kept for a while. */
export interface SpeechVoiceData {
  request(credential: Credential): ProviderRequest;
  /** Throws TypeError when the answer is not of the documented form. */
  read(body: unknown): readonly { readonly voice: ProviderVoice; readonly data: unknown }[];
}

/** A provider over HTTP: declarations only, about 100 lines; the shared sender does the work. */
export interface HttpSpeechAdapter extends SpeechDeclaration, HttpEndpoint {
  readonly transport: 'http';
  /** `voiceData` is what `voiceData.read` found for the voice. */
  request(call: SpeechCall, credential: Credential, voiceData?: unknown): ProviderRequest;
  /** The provider's own count, where the headers of an answer tell it or its documents say how it counts. */
  billedUnits(headers: ResponseHeaders, call: SpeechCall): ProviderCount | null;
  /** Left out: bytes. */
  framing?(call: SpeechCall): SpeechFraming;
  /**
   * Reads one message of an answer that is not plain bytes. Throws TypeError when it is not of the documented form, and
   * ProviderError when it is an error, whatever the status said.
   */
  message?(message: AnswerMessage, call: SpeechCall): SpeechMessage;
  /** True where no message says that it is the last, so that the end of the body is the end of the answer. */
  readonly endsWithBody?: boolean;
  /** What the figures of several messages come to, given the last and the sum of them. Left out: the last. */
  billedTotal?(last: number, sum: number, call: SpeechCall): number;
  /** Bytes that the sender puts before the first audio of an answer in messages: a header where bare samples come. */
  preamble?(call: SpeechCall): Uint8Array | null;
  /** Hosts from which audio may be fetched where an answer names its address; "*.example.com" takes every name below it. */
  readonly audioHosts?: readonly string[];
  /** One page of the voices that this credential may use; null: the provider has no list, and `voices` stands. */
  voicesRequest(cursor: string | null, credential: Credential): ProviderRequest | null;
  voicesPage(
    body: unknown,
    cursor?: string | null,
  ): { readonly voices: readonly ProviderVoice[]; readonly next: string | null };
  /** The cursor to go on with where the first page is not there (404): servers of several makes differ in the path. */
  readonly voicesElsewhere?: string;
  /** Where every call must carry what only the provider can tell of its voice; it is the list of voices too. */
  readonly voiceData?: SpeechVoiceData;
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
