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

export interface TranscriptionModel extends ModelDeclaration {
  /** Largest file, in bytes. */
  readonly bytesMax: number;
  /** Longest audio, in seconds; null: the provider names no limit. */
  readonly secondsMax: number | null;
  /** BCP 47 primary subtags; null: any, the provider decides. */
  readonly languages: readonly string[] | null;
  readonly formats: readonly RecordingFormat[];
  readonly diarization: boolean;
  readonly timestamps: readonly ('SEGMENT' | 'WORD')[];
  /** Whether it takes words that guide the transcription. */
  readonly prompt: boolean;
}

/** One recording to be written down. Everything in it has been validated against what the adapter declares. */
export interface TranscriptionCall {
  readonly model: TranscriptionModel;
  readonly audio: BytesSource & { readonly fileName: string; readonly format: RecordingFormat };
  /** As our own probe found it. */
  readonly durationMs: number;
  /** BCP 47; null: the provider detects it. */
  readonly language: string | null;
  readonly diarize: boolean;
  readonly timestamps: 'NONE' | 'SEGMENT' | 'WORD';
  readonly prompt: string | null;
}

/** A stretch of speech, in seconds from the start of the audio. */
export interface TranscriptPiece {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly text: string;
  readonly speaker: string | null;
  /** 0 to 1. */
  readonly confidence: number | null;
}

export interface Transcript {
  readonly text: string;
  /** BCP 47, as far as the provider says so. */
  readonly language: string | null;
  readonly segments: readonly TranscriptPiece[];
  readonly words: readonly TranscriptPiece[];
  /** The provider's own figure of the length, kept for comparison and never charged. */
  readonly billedUnits: ProviderCount | null;
}

export interface TranscriptionDeclaration extends ProviderDeclaration {
  readonly models: readonly [TranscriptionModel, ...TranscriptionModel[]];
  readonly defaultModel: string;
}

/** A provider over HTTP: declarations only; the shared sender does the work. */
export interface HttpTranscriptionAdapter extends TranscriptionDeclaration, HttpEndpoint {
  readonly transport: 'http';
  request(call: TranscriptionCall, credential: Credential): ProviderRequest;
  /**
   * The transcript out of the body of a success, parsed as JSON. Throws TypeError when it is not the documented form, and
   * ProviderError when it is a failure in the clothes of a success.
   */
  transcript(body: unknown, headers: ResponseHeaders, call: TranscriptionCall): Transcript;
}

export type TranscriptionAdapter = HttpTranscriptionAdapter;

export interface TranscriptionAnswer extends Transcript {
  readonly upstreamRequestId: string | null;
}

/** One call is one attempt; retrying is the operation's. */
export interface TranscriptionProvider extends ConfiguredProvider<TranscriptionDeclaration> {
  transcribe(call: TranscriptionCall, options: CallOptions): Promise<TranscriptionAnswer>;
}
