import type { HttpTranscriptionAdapter, TranscriptionModel } from '../contract/stt';
import { primarySubtag, WHISPER_LANGUAGES } from '../http/languages';
import { fieldParts, recordingPart } from '../http/transcripts';
import { asObject, asText } from '../http/wire';
import { openAiTranscript } from '../openai-compatible/transcription';
import { groq, groqHeaders } from './vendor';

function model(name: string): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    // "25 MB" in either reading, with room for the rest of the form; only what lies at an address may be larger.
    bytesMax: 25_000_000,
    secondsMin: 0.01,
    secondsMax: null,
    languages: WHISPER_LANGUAGES,
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM'],
    diarization: false,
    timestamps: ['SEGMENT', 'WORD'],
    // 224 tokens of it are heeded.
    prompt: true,
  };
}

/** Groq speech to text. https://console.groq.com/docs/speech-to-text */
export const groqTranscription: HttpTranscriptionAdapter = {
  ...groq,
  transport: 'http',
  models: [model('whisper-large-v3-turbo'), model('whisper-large-v3')],
  defaultModel: 'whisper-large-v3-turbo',
  /** It bills 10 s at least. */
  rounding: { stepSeconds: 0, minSeconds: 10 },
  request: (call, credential) => ({
    method: 'POST',
    path: '/openai/v1/audio/transcriptions',
    headers: groqHeaders(credential),
    form: [
      ...fieldParts({
        model: call.model.upstreamId,
        // Plain `json` tells no length.
        response_format: 'verbose_json',
        language: call.language === null ? null : primarySubtag(call.language),
        prompt: call.prompt,
        // Segments cost no time, and are the default.
        'timestamp_granularities[]': call.timestamps === 'WORD' ? ['word', 'segment'] : null,
      }),
      recordingPart('file', call),
    ],
  }),
  transcript: (body, _headers, call) => ({
    ...openAiTranscript(body, call),
    upstreamRequestId: asText(asObject(asObject(body)?.x_groq)?.id),
  }),
};
