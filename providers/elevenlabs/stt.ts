import type { HttpTranscriptionAdapter, TranscriptionModel } from '../contract/stt';
import { languageTag, primarySubtag } from '../http/languages';
import {
  fieldParts,
  piecesOf,
  recordingPart,
  secondsBilled,
  shareOfLogarithm,
  speakerTurns,
  textOf,
} from '../http/transcripts';
import { asObject, asObjects } from '../http/wire';
import { elevenLabs, elevenLabsHeaders } from './vendor';

function model(name: string, more: Partial<TranscriptionModel> = {}): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    // Less than 5 GB.
    bytesMax: 4_999_999_999,
    secondsMin: 0.1,
    secondsMax: null,
    languages: null,
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM', 'AAC'],
    diarization: true,
    // It has no segments but the turns of speakers.
    timestamps: ['WORD'],
    // It takes a list of key terms, at a price of their own, and no free words.
    prompt: false,
    ...more,
  };
}

/** ElevenLabs speech to text. https://elevenlabs.io/docs/api-reference/speech-to-text/convert */
export const elevenLabsTranscription: HttpTranscriptionAdapter = {
  ...elevenLabs,
  transport: 'http',
  // That scribe_v1 is gone since that day is a secondary source's word; the OpenAPI file of August still names it.
  models: [model('scribe_v2'), model('scribe_v1', { retiredAt: '2026-07-09', successor: 'scribe_v2' })],
  defaultModel: 'scribe_v2',
  request: (call, credential) => ({
    method: 'POST',
    path: '/v1/speech-to-text',
    headers: elevenLabsHeaders(credential),
    form: [
      ...fieldParts({
        model_id: call.model.upstreamId,
        language_code: call.language === null ? null : primarySubtag(call.language),
        // Unless told otherwise it writes "(laughter)" into the text.
        tag_audio_events: 'false',
        // Speakers are told of words alone.
        timestamps_granularity: call.diarize || call.timestamps !== 'NONE' ? 'word' : 'none',
        diarize: String(call.diarize),
      }),
      recordingPart('file', call),
    ],
  }),
  transcript(body, _headers, call) {
    const answer = asObject(body);
    const parts = asObjects(answer?.words)
      .filter(({ type }) => type !== 'audio_event')
      .map(({ text, start, end, type, speaker_id: speaker, logprob }) => {
        return { text, start, end, speaker, confidence: shareOfLogarithm(logprob), isWord: type !== 'spacing' };
      });
    return {
      text: textOf(answer?.text),
      // ISO 639-3, as "eng"; two-letter codes have been seen too.
      language: languageTag(answer?.language_code),
      segments: call.diarize ? speakerTurns(parts, call) : [],
      words: piecesOf(
        parts.filter(({ isWord }) => isWord),
        call,
      ),
      billedUnits: secondsBilled(answer?.audio_duration_secs),
    };
  },
};
