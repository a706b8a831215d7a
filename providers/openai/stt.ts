import type { HttpTranscriptionAdapter, TranscriptionCall, TranscriptionModel } from '../contract/stt';
import { twoLetterCode } from '../http/languages';
import { fieldParts, recordingPart } from '../http/transcripts';
import { openAiTranscript } from '../openai-compatible/transcription';
import { openAi, openAiHeaders } from './vendor';

/** "25 MB" in either reading, with room for the rest of the form. */
const BYTES_MAX = 25_000_000;
/** The gpt-4o models refuse anything longer. */
const GPT_4O_SECONDS_MAX = 1_400;

function model(name: string, more: Partial<TranscriptionModel> = {}): TranscriptionModel {
  return {
    name,
    upstreamId: name,
    bytesMax: BYTES_MAX,
    // Of whisper-1 none; of gpt-transcribe UNCONFIRMED.
    secondsMax: null,
    languages: null,
    formats: ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM'],
    diarization: false,
    timestamps: [],
    prompt: true,
    ...more,
  };
}

/** All but gpt-transcribe are shut down together; what times and speakers they tell has no successor there. */
const retiring = (name: string, more: Partial<TranscriptionModel> = {}): TranscriptionModel =>
  model(name, { retiredAt: '2027-02-26', successor: 'gpt-transcribe', ...more });

type AnswerForm = 'json' | 'verbose_json' | 'diarized_json';

/** Never `text`, `srt` or `vtt`: they tell neither language nor usage. */
function answerForm({ model: { upstreamId }, diarize, timestamps }: TranscriptionCall): AnswerForm {
  if (upstreamId === 'whisper-1') return 'verbose_json';
  return upstreamId === 'gpt-4o-transcribe-diarize' && (diarize || timestamps !== 'NONE') ? 'diarized_json' : 'json';
}

function fieldsOf(call: TranscriptionCall): Parameters<typeof fieldParts>[0] {
  const { upstreamId, diarization } = call.model;
  const language = twoLetterCode(call.language);
  const form = answerForm(call);
  return {
    model: upstreamId,
    response_format: form,
    // gpt-transcribe takes a list in place of the single field.
    [upstreamId === 'gpt-transcribe' ? 'languages[]' : 'language']: language,
    prompt: call.prompt,
    // Only verbose_json has them. Segments cost no time, and are the default.
    'timestamp_granularities[]': form === 'verbose_json' && call.timestamps === 'WORD' ? ['word', 'segment'] : null,
    // Without it audio above 30 s is refused.
    chunking_strategy: diarization ? 'auto' : null,
  };
}

/**
 * OpenAI speech to text. https://developers.openai.com/api/docs/guides/speech-to-text
 * gpt-transcribe gives text alone; times need whisper-1 and speakers gpt-4o-transcribe-diarize, until they are shut down. A
 * language without a two-letter code is left to be detected.
 */
export const openAiTranscription: HttpTranscriptionAdapter = {
  ...openAi,
  transport: 'http',
  models: [
    model('gpt-transcribe'),
    retiring('whisper-1', { timestamps: ['SEGMENT', 'WORD'] }),
    retiring('gpt-4o-transcribe', { secondsMax: GPT_4O_SECONDS_MAX }),
    retiring('gpt-4o-mini-transcribe', { secondsMax: GPT_4O_SECONDS_MAX }),
    retiring('gpt-4o-mini-transcribe-2025-12-15', { secondsMax: GPT_4O_SECONDS_MAX }),
    retiring('gpt-4o-transcribe-diarize', {
      secondsMax: GPT_4O_SECONDS_MAX,
      diarization: true,
      timestamps: ['SEGMENT'],
      prompt: false,
    }),
  ],
  defaultModel: 'gpt-transcribe',
  /** Its figures are whole seconds. */
  rounding: { stepSeconds: 1, minSeconds: 0 },
  request: (call, credential) => ({
    method: 'POST',
    path: '/v1/audio/transcriptions',
    headers: openAiHeaders(credential),
    form: [...fieldParts(fieldsOf(call)), recordingPart('file', call)],
  }),
  transcript: (body, _headers, call) => openAiTranscript(body, call),
};
