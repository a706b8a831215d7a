import type { HttpTranscriptionAdapter, TranscriptionCall, TranscriptionModel } from '../contract/stt';
import { languageTag } from '../http/languages';
import { piecesOf, secondsBilled, type ToldPiece, textOf } from '../http/transcripts';
import { asObject, asObjects, asText, type JsonObject } from '../http/wire';
import { deepgram, deepgramHeaders } from './vendor';

function model(name: string, more: Partial<TranscriptionModel> = {}): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    bytesMax: 2_000_000_000,
    // None is named; what takes the provider more than 10 minutes ends in a 504.
    secondsMax: null,
    languages: null,
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM', 'AAC'],
    diarization: true,
    timestamps: ['SEGMENT', 'WORD'],
    // It takes a list of key terms, at a price of their own, and no free words.
    prompt: false,
    ...more,
  };
}

/** Models of one trade know English alone, and are told so. */
const english = (name: string): TranscriptionModel => model(name, { languages: ['en'], assumedLanguage: 'en' });

function queryOf(call: TranscriptionCall): URLSearchParams {
  // Left out, the model would be base-general.
  const query = new URLSearchParams({ model: call.model.upstreamId, smart_format: 'true' });
  const language = call.language ?? call.model.assumedLanguage ?? null;
  // Without either it would be taken for English.
  if (language === null) query.set('detect_language', 'true');
  else query.set('language', languageTag(language) ?? language);
  if (call.diarize) query.set('diarize_model', 'latest');
  if (call.diarize || call.timestamps !== 'NONE') query.set('utterances', 'true');
  return query;
}

/** Speakers are numbers from 0. */
function toldPiece(piece: JsonObject, text: unknown): ToldPiece {
  const speaker = Number.isInteger(piece.speaker) ? `speaker_${piece.speaker}` : null;
  return { text, start: piece.start, end: piece.end, speaker, confidence: piece.confidence };
}

/**
 * Deepgram speech to text, of what is recorded. https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded
 * The OpenAPI file knows a body with an address alone; the provider's own client sends bytes of the audio's type, as this does.
 * Segments are utterances: they end at pauses and, with diarization, where the speaker changes.
 */
export const deepgramTranscription: HttpTranscriptionAdapter = {
  ...deepgram,
  transport: 'http',
  models: [
    model('nova-3'),
    english('nova-3-medical'),
    model('nova-2'),
    english('nova-2-meeting'),
    english('nova-2-finance'),
    english('nova-2-conversationalai'),
    english('nova-2-voicemail'),
    english('nova-2-video'),
    english('nova-2-medical'),
    english('nova-2-drivethru'),
    english('nova-2-automotive'),
  ],
  defaultModel: 'nova-3',
  request: (call, credential) => ({
    method: 'POST',
    path: `/v1/listen?${queryOf(call)}`,
    headers: deepgramHeaders(credential),
    bytes: call.audio,
  }),
  transcript(body, _headers, call) {
    const answer = asObject(body);
    const metadata = asObject(answer?.metadata);
    const results = asObject(answer?.results);
    // One channel, as more are only told apart where that is asked for; its best reading comes first.
    const channel = asObjects(results?.channels)[0];
    const best = asObjects(channel?.alternatives)[0];
    return {
      text: textOf(best?.transcript),
      language: languageTag(channel?.detected_language),
      segments: piecesOf(
        asObjects(results?.utterances).map((utterance) => toldPiece(utterance, utterance.transcript)),
        call,
      ),
      words: piecesOf(
        asObjects(best?.words).map((word) => toldPiece(word, asText(word.punctuated_word) ?? word.word)),
        call,
      ),
      billedUnits: secondsBilled(metadata?.duration),
      upstreamRequestId: asText(metadata?.request_id),
    };
  },
};
