/** How the built-in provider calls itself in errors and in the catalogue. */
export const LOCAL = { provider: 'local', name: 'Local speech' } as const;

/** A voice as its engine knows it. */
export interface EngineVoice {
  /** The engine's own name of it. */
  readonly upstreamId: string;
  /** BCP 47. */
  readonly language: string;
  /** How much the engine's neutral timing must be stretched to give the voice's natural speed. */
  readonly stretch: number;
}

/** A speech synthesiser that turns one sentence into samples, off the main thread. */
export interface LocalEngine {
  /** Hertz of every voice; samples are 16-bit, mono. */
  readonly sampleRate: number;
  /** The text in characters that the engine reads; white space is kept. */
  readable(text: string): string;
  /** Whether anything of a text that `readable` returned would be heard. */
  speakable(text: string): boolean;
  /**
   * Speaks one sentence of text that `readable` returned. `speed` 1 is the voice's natural speed. `admitted` says that the
   * call has been let in already, so that a full queue does not cut it off in the middle.
   * @throws ProviderError UNAVAILABLE (queue full, engine crashed or hung), CANCELLED (at once when the signal aborts)
   */
  speak(sentence: SentenceCall, signal: AbortSignal): Promise<Int16Array>;
  /** Ends what runs with UNAVAILABLE and frees everything. Safe to call twice. */
  close(): Promise<void>;
}

export interface SentenceCall {
  readonly text: string;
  readonly voice: EngineVoice;
  readonly speed: number;
  readonly admitted: boolean;
}

/** Bounds of an engine; each has a default that suits a small server. */
export interface EngineLimits {
  /** Sentences spoken at once. */
  readonly concurrency: number;
  /** New calls that may wait for their first sentence; the next one is refused. */
  readonly waitingMax: number;
  /** Milliseconds after which a sentence is given up and its worker or process is ended. */
  readonly sentenceTimeoutMs: number;
}
