/**
 * Speech to text. What each side promises the other:
 * - The operation has validated a call against the model's declaration (size, length, format, language, diarization,
 *   timestamps, prompt) and found its length with a probe of its own; that length is what is charged.
 * - An adapter says how to ask and how to read the answer. It gives what the provider said, tolerantly read: what the
 *   provider does not give stays empty or null, and figures that cannot be (negative, not a number, an end before its start)
 *   are dropped.
 * - The shared sender streams the recording, keeps the limits, and gives no more than was asked for: see `Transcript`.
 */
import type { Credential } from './credential';
import type {
  BytesSource,
  CallOptions,
  ConfiguredProvider,
  HttpEndpoint,
  ModelDeclaration,
  ProviderCount,
  ProviderDeclaration,
  ProviderRequest,
  ResponseHeaders,
} from './provider';

/** Containers of recorded audio that can be sent; ours to detect, each provider's to take. */
export const RECORDING_FORMATS = ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM', 'AAC'] as const;
export type RecordingFormat = (typeof RECORDING_FORMATS)[number];

/** How finely a transcript tells its times. */
export const TIMESTAMP_GRANULARITIES = ['NONE', 'SEGMENT', 'WORD'] as const;
export type TimestampGranularity = (typeof TIMESTAMP_GRANULARITIES)[number];

export interface TranscriptionModel extends ModelDeclaration {
  /** Largest file, in bytes. */
  readonly bytesMax: number;
  /** Shortest audio, in seconds; left out: the provider names none. */
  readonly secondsMin?: number;
  /** Longest audio, in seconds; null: the provider names no limit. */
  readonly secondsMax: number | null;
  /** BCP 47 primary subtags; null: any, the provider decides. */
  readonly languages: readonly string[] | null;
  /** BCP 47; what a call without a language is heard as, where the provider detects none. Left out: it is detected. */
  readonly assumedLanguage?: string;
  readonly formats: readonly [RecordingFormat, ...RecordingFormat[]];
  /** Whether it tells speakers apart. */
  readonly diarization: boolean;
  /** What it can time besides NONE; a model that gives WORD alone has no segments but the turns of its speakers. */
  readonly timestamps: readonly Exclude<TimestampGranularity, 'NONE'>[];
  /** Whether it takes free words that guide the transcription. */
  readonly prompt: boolean;
}

/** One recording to be written down. Everything in it has been validated against what the adapter declares. */
export interface TranscriptionCall {
  readonly model: TranscriptionModel;
  /**
   * The file as it was given: container and media type as our probe found them, exact size. The provider is told the stem of
   * `fileName` with the usual extension of `format`, whatever extension the name had. `open` is called once an attempt; if it
   * fails, or gives another number of bytes, the request is ended.
   */
  readonly audio: BytesSource & { readonly fileName: string; readonly format: RecordingFormat };
  /** As our own probe found it. */
  readonly durationMs: number;
  /** BCP 47; null: the provider detects it, or hears the model's `assumedLanguage`. */
  readonly language: string | null;
  /** Asks for speakers; they come with the segments, whatever `timestamps` says, and with the words. */
  readonly diarize: boolean;
  readonly timestamps: TimestampGranularity;
  /** Words that guide the transcription: names, spelling, style. */
  readonly prompt: string | null;
}

/** A stretch of speech, in seconds from the start of the audio: 0 <= start <= end. */
export interface TranscriptPiece {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Never empty, no white space around it. */
  readonly text: string;
  /** The provider's own label, the same for the same speaker within one transcript; null unless diarize was asked. */
  readonly speaker: string | null;
  /** 0 to 1. */
  readonly confidence: number | null;
}

export interface Transcript {
  /** "" where nothing was said. */
  readonly text: string;
  /** BCP 47, as far as the provider says so. */
  readonly language: string | null;
  /** In the provider's order; empty unless timestamps or speakers were asked for, and where the provider has none. */
  readonly segments: readonly TranscriptPiece[];
  /** In the provider's order; empty unless WORD was asked for. */
  readonly words: readonly TranscriptPiece[];
  /** The provider's own figure (`seconds` or `tokens`), kept for comparison and never charged. */
  readonly billedUnits: ProviderCount | null;
  /** The provider's id of the exchange, where the answer's body tells it. */
  readonly upstreamRequestId?: string | null;
}

export interface TranscriptionDeclaration extends ProviderDeclaration {
  readonly models: readonly [TranscriptionModel, ...TranscriptionModel[]];
  readonly defaultModel: string;
  /**
   * How the provider's documents let its own figure in seconds differ from the length of the audio: up to the next whole
   * `stepSeconds`, and never under `minSeconds`. Left out: not at all. A figure beyond it is an anomaly.
   */
  readonly rounding?: { readonly stepSeconds: number; readonly minSeconds: number };
}

/** A provider over HTTP: declarations only; the shared sender does the work. */
export interface HttpTranscriptionAdapter extends TranscriptionDeclaration, HttpEndpoint {
  readonly transport: 'http';
  request(call: TranscriptionCall, credential: Credential): ProviderRequest;
  /**
   * The transcript out of the body of a success, parsed as JSON. It may hold more than the call asked for. Throws TypeError
   * when the body is not of the documented form; the sender then looks for an error in it, with `errorOf`.
   */
  transcript(body: unknown, headers: ResponseHeaders, call: TranscriptionCall): Transcript;
}

export type TranscriptionAdapter = HttpTranscriptionAdapter;

export interface TranscriptionAnswer extends Transcript {
  readonly upstreamRequestId: string | null;
}

/** One call is one attempt; retrying is the operation's. */
export interface TranscriptionProvider extends ConfiguredProvider<TranscriptionDeclaration> {
  /**
   * Fails with ProviderError; where the recording itself could not be read, with RecordingSourceError, which no provider is to
   * blame for. `firstByteTimeoutMs` bounds connecting, and then the time from the last byte sent to the first received, so it
   * must leave the provider time to listen; `idleTimeoutMs` bounds each pause of the upload and of the answer. Answers are
   * never larger than 16 MiB, whatever `bytesMax` says.
   */
  transcribe(call: TranscriptionCall, options: CallOptions): Promise<TranscriptionAnswer>;
}
