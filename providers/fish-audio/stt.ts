import type { HttpTranscriptionAdapter } from '../contract/stt';
import { languageTag, primarySubtag } from '../http/languages';
import { fieldParts, piecesOf, recordingPart, secondsBilled, textOf } from '../http/transcripts';
import { asObject, asObjects } from '../http/wire';
import { fishAudio, fishAudioHeaders } from './vendor';

/** Fish Audio speech to text. https://docs.fish.audio/api-reference/endpoint/openapi-v1/speech-to-text */
export const fishAudioTranscription: HttpTranscriptionAdapter = {
  ...fishAudio,
  transport: 'http',
  models: [
    {
      // The name on its bills: the wire knows no choice of model.
      name: 'transcribe-1',
      upstreamId: 'transcribe-1',
      bytesMax: 20_000_000,
      secondsMin: 1,
      secondsMax: 3_600,
      languages: null,
      // WAV, MP3, Opus "and other common formats": which others is UNCONFIRMED.
      formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM', 'AAC'],
      diarization: false,
      timestamps: ['SEGMENT'],
      prompt: false,
    },
  ],
  defaultModel: 'transcribe-1',
  /** It bills whole seconds. */
  rounding: { stepSeconds: 1, minSeconds: 0 },
  request: (call, credential) => ({
    method: 'POST',
    path: '/v1/asr',
    headers: fishAudioHeaders(credential),
    form: [
      ...fieldParts({
        // A hint: the language is always detected.
        language: call.language === null ? null : primarySubtag(call.language),
        // Precise times cost short clips some delay.
        ignore_timestamps: String(call.timestamps === 'NONE'),
      }),
      recordingPart('audio', call),
    ],
  }),
  transcript(body, _headers, call) {
    const answer = asObject(body);
    return {
      text: textOf(answer?.text),
      language: languageTag(answer?.language_code) ?? languageTag(answer?.language),
      segments: piecesOf(
        asObjects(answer?.segments).map(({ text, start, end }) => ({ text, start, end })),
        call,
      ),
      words: [],
      billedUnits: secondsBilled(answer?.duration),
    };
  },
};
