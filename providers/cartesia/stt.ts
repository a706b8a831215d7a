import type { HttpTranscriptionAdapter, TranscriptionModel } from '../contract/stt';
import { languageTag, primarySubtag, WHISPER_LANGUAGES } from '../http/languages';
import { fieldParts, piecesOf, recordingPart, secondsBilled, textOf } from '../http/transcripts';
import { asObject, asObjects, asText } from '../http/wire';
import { cartesia, cartesiaHeaders } from './vendor';

/**
 * That of the provider's newest client, whose forms of transcription are those of the OpenAPI file (2025-11-04); errors are
 * JSON since 2026-03-01. Whether it changed anything else here is UNCONFIRMED.
 */
const API_VERSION = '2026-08-14';

/** It never detects a language. */
const ASSUMED_LANGUAGE = 'en';

/** Javanese has the code there that ISO has withdrawn. */
const wireLanguage = (subtag: string): string => (subtag === 'jv' ? 'jw' : subtag);

function model(name: string): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    // There is a limit, and its size is UNCONFIRMED: beyond it the provider answers file_too_large.
    bytesMax: 500_000_000,
    secondsMax: null,
    languages: WHISPER_LANGUAGES,
    assumedLanguage: ASSUMED_LANGUAGE,
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM'],
    diarization: false,
    timestamps: ['WORD'],
    prompt: false,
  };
}

/**
 * Cartesia speech to text, of what is recorded. https://docs.cartesia.ai/api-reference/stt/transcribe
 * ink-2 is not among the models: it takes live audio alone.
 */
export const cartesiaTranscription: HttpTranscriptionAdapter = {
  ...cartesia,
  transport: 'http',
  models: [model('ink-whisper'), model('ink-whisper-2025-06-04')],
  defaultModel: 'ink-whisper',
  /** How it rounds is UNCONFIRMED: whole seconds are let pass. */
  rounding: { stepSeconds: 1, minSeconds: 0 },
  request: (call, credential) => ({
    method: 'POST',
    path: '/stt',
    headers: cartesiaHeaders(credential, API_VERSION),
    form: [
      ...fieldParts({
        model: call.model.upstreamId,
        language: wireLanguage(primarySubtag(call.language ?? ASSUMED_LANGUAGE)),
        'timestamp_granularities[]': call.timestamps === 'WORD' ? 'word' : null,
      }),
      recordingPart('file', call),
    ],
  }),
  transcript(body, _headers, call) {
    const answer = asObject(body);
    return {
      text: textOf(answer?.text),
      // What was asked for comes back: it has been heard as that.
      language: languageTag(answer?.language),
      segments: [],
      words: piecesOf(
        asObjects(answer?.words).map(({ word, start, end }) => ({ text: word, start, end })),
        call,
      ),
      billedUnits: secondsBilled(answer?.duration),
      upstreamRequestId: asText(answer?.request_id),
    };
  },
};
