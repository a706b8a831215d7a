import type { HttpTranscriptionAdapter, TranscriptionCall, TranscriptionModel } from '../contract/stt';
import { languageTag, twoLetterCode } from '../http/languages';
import { fieldParts, piecesOf, recordingPart, secondsBilled, speakerTurns, textOf } from '../http/transcripts';
import { asObject, asObjects } from '../http/wire';
import { mistral, mistralHeaders } from './vendor';

function model(name: string, more: Partial<TranscriptionModel> = {}): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    // Of uploads to its file store; that of a form is UNCONFIRMED.
    bytesMax: 512_000_000,
    // "About 3 hours".
    secondsMax: 10_800,
    languages: null,
    // The documents give no list (UNCONFIRMED).
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM'],
    diarization: true,
    timestamps: ['SEGMENT', 'WORD'],
    // It takes a list of single words, and no free text.
    prompt: false,
    ...more,
  };
}

/** Speakers come with segments. Whether both granularities can be asked at once is UNCONFIRMED, so one is. */
function granularity({ diarize, timestamps }: TranscriptionCall): 'segment' | 'word' | null {
  if (timestamps === 'WORD') return 'word';
  return diarize || timestamps === 'SEGMENT' ? 'segment' : null;
}

/**
 * Mistral speech to text. https://docs.mistral.ai/studio-api/audio/speech_to_text
 * A language and timestamps exclude each other there. The language only helps, and is detected anyway, so where both are asked
 * for it is left out; so is one without a two-letter code.
 */
export const mistralTranscription: HttpTranscriptionAdapter = {
  ...mistral,
  transport: 'http',
  models: [
    model('voxtral-mini-2602'),
    // Moves to each new version without notice.
    model('voxtral-mini-latest'),
    model('voxtral-mini-2507', { retiredAt: '2026-05-31', successor: 'voxtral-mini-2602' }),
  ],
  defaultModel: 'voxtral-mini-2602',
  /** Its figures are whole seconds. */
  rounding: { stepSeconds: 1, minSeconds: 0 },
  request(call, credential) {
    const timed = granularity(call);
    return {
      method: 'POST',
      path: '/v1/audio/transcriptions',
      headers: mistralHeaders(credential),
      form: [
        ...fieldParts({
          model: call.model.upstreamId,
          language: timed === null ? twoLetterCode(call.language) : null,
          timestamp_granularities: timed,
          diarize: call.diarize ? 'true' : null,
        }),
        recordingPart('file', call),
      ],
    };
  },
  transcript(body, _headers, call) {
    const answer = asObject(body);
    const told = asObjects(answer?.segments).map(({ text, start, end, speaker_id: speaker, score: confidence }) => {
      return { text, start, end, speaker, confidence };
    });
    const pieces = piecesOf(told, call);
    // Words come in place of segments, one in each.
    const areWords = granularity(call) === 'word';
    const spaced = told.map((word) => ({
      ...word,
      text: typeof word.text === 'string' ? `${word.text.trim()} ` : null,
    }));
    return {
      text: textOf(answer?.text),
      language: languageTag(answer?.language),
      segments: areWords ? (call.diarize ? speakerTurns(spaced, call) : []) : pieces,
      words: areWords ? pieces : [],
      billedUnits: secondsBilled(asObject(answer?.usage)?.prompt_audio_seconds),
    };
  },
};
