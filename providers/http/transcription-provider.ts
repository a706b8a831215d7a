import type { Credential } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { CallOptions } from '../contract/provider';
import type {
  HttpTranscriptionAdapter,
  Transcript,
  TranscriptionAnswer,
  TranscriptionCall,
  TranscriptionProvider,
  TranscriptPiece,
} from '../contract/stt';
import { hiddenStrings, promisesDocument, refusalOf, refuseMalformedKey } from './answers';
import { Exchange } from './exchange';
import { type HttpProviderSettings, ProviderClient } from './provider-client';
import { rejected, safeMessage } from './provider-failures';
import { asObject } from './wire';

/** An hour of speech with every word timed is about 2 MiB. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Turns an adapter's declarations into a provider: streams the recording, keeps the limits of size and time, reads the whole
 * answer, maps every failure to a ProviderError and cancels upstream when the signal aborts. Throws TypeError when the base
 * URL is unusable.
 */
export function httpTranscriptionProvider(
  adapter: HttpTranscriptionAdapter,
  settings: HttpProviderSettings = {},
): TranscriptionProvider {
  return new HttpTranscriptionProvider(adapter, new ProviderClient(adapter, settings));
}

class HttpTranscriptionProvider implements TranscriptionProvider {
  readonly platformCredential: Credential | null;
  readonly configured: boolean;

  constructor(
    readonly declaration: HttpTranscriptionAdapter,
    private readonly client: ProviderClient,
  ) {
    this.platformCredential = client.platformCredential;
    this.configured = client.platformCredential !== null;
  }

  async transcribe(call: TranscriptionCall, options: CallOptions): Promise<TranscriptionAnswer> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, options.credential);
    const hidden = hiddenStrings(options.credential, call.prompt === null ? [] : [call.prompt]);
    const limits = { ...options, bytesMax: Math.min(options.bytesMax, ANSWER_BYTES_MAX) };
    const exchange = new Exchange(adapter, limits, options.signal, promisesDocument);
    if (!(await this.client.send(exchange, adapter.request(call, options.credential)))) {
      throw await refusalOf(exchange, adapter, hidden);
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of exchange) pieces.push(piece);
    const transcript = this.read(Buffer.concat(pieces), exchange, call, hidden);
    return {
      ...whatWasAsked(transcript, call),
      upstreamRequestId: transcript.upstreamRequestId ?? adapter.requestIdOf(exchange.headers),
    };
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  /** Neither the answer nor a parser's message about it is ever quoted: it is what somebody said. */
  private read(answer: Buffer, exchange: Exchange, call: TranscriptionCall, hidden: readonly string[]): Transcript {
    const { declaration: adapter } = this;
    let body: unknown;
    try {
      body = JSON.parse(answer.toString('utf8'));
      return adapter.transcript(body, exchange.headers, call);
    } catch (error) {
      // Another kind of error is a fault of ours, and passes through.
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    }
    const { status, headers } = exchange;
    const words = asObject(body) === null ? {} : adapter.errorOf(body);
    if (words.message === undefined) {
      throw rejected(adapter, 'answered in a form that is not its documented one', status);
    }
    const { kind = 'REJECTED', retryable = kind === 'UNAVAILABLE', code, message } = words;
    throw new ProviderError({
      provider: adapter.provider,
      kind,
      retryable,
      message: safeMessage(`${adapter.name} answered with an error in place of a transcript: ${message}`, hidden),
      status,
      providerCode: code === undefined ? undefined : safeMessage(code, hidden),
      upstreamRequestId: adapter.requestIdOf(headers) ?? undefined,
    });
  }
}

/** What a provider gives beyond what was asked for is left out, so that all of them answer alike. */
function whatWasAsked(transcript: Transcript, { diarize, timestamps }: TranscriptionCall): Transcript {
  const told = (piece: TranscriptPiece): TranscriptPiece => (diarize ? piece : { ...piece, speaker: null });
  return {
    ...transcript,
    segments: diarize || timestamps !== 'NONE' ? transcript.segments.map(told) : [],
    words: timestamps === 'WORD' ? transcript.words.map(told) : [],
  };
}
