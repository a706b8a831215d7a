import { openApiDocument } from '../openapi';
import { bearerOf, completionError } from './completions';
import { readForm, type StubFormField } from './form';
import type { StubAnswer, StubRequest } from './requests';
import {
  containerOf,
  extensionOf,
  fieldOf,
  type TranscriptionScript,
  transcriptionScript,
  valuesOf,
} from './transcription-script';

const EXTENSIONS = ['flac', 'mp3', 'mp4', 'mpeg', 'mpga', 'm4a', 'ogg', 'wav', 'webm'];
const REQUEST_BYTES_MAX = 26_214_400;

/** What each model answers in; whisper-1 alone has times, and the diarizing one speakers. */
const ANSWER_FORMS: Readonly<Record<string, readonly string[]>> = {
  'gpt-transcribe': ['json'],
  'whisper-1': ['json', 'text', 'srt', 'verbose_json', 'vtt'],
  'gpt-4o-transcribe': ['json'],
  'gpt-4o-mini-transcribe': ['json'],
  'gpt-4o-mini-transcribe-2025-12-15': ['json'],
  'gpt-4o-transcribe-diarize': ['json', 'text', 'diarized_json'],
};
const DIARIZED_SECONDS_WITHOUT_CHUNKS_MAX = 30;

/** Answers as the transcriptions of OpenAI are documented to. */
export function answerAsOpenAiTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (bearerOf(request, refusedKeys) === null) {
    return completionError(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.');
  }
  if (request.body.length > REQUEST_BYTES_MAX) {
    const message = `${REQUEST_BYTES_MAX}: Maximum content size limit exceeded`;
    return completionError(413, 'invalid_request_error', null, message);
  }
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return invalid('The body is not a form.');
  const path = '/v1/audio/transcriptions';
  const address = `${path}?${request.query}`.replace(/\?$/, '');
  // The document's server is the origin with /v1; its paths leave that out.
  const fault = openApiDocument('openai.yaml')?.formFaults('post', '/audio/transcriptions', address, form)[0];
  if (fault !== undefined) return invalid(fault);
  const file = fieldOf(form, 'file');
  const [model = ''] = valuesOf(form, 'model');
  const [answerForm = 'json'] = valuesOf(form, 'response_format');
  const forms = ANSWER_FORMS[model];
  if (file === undefined) return invalid('file is required', 'file');
  if (forms === undefined) {
    return completionError(404, 'invalid_request_error', 'model_not_found', `The model '${model}' does not exist.`);
  }
  if (!EXTENSIONS.includes(extensionOf(file.fileName ?? '')) || containerOf(file.bytes) === null) {
    return invalid(`Invalid file format. Supported formats: ${EXTENSIONS.join(', ')}`, 'file');
  }
  const refusal = refusalOf(form, model, answerForm, forms);
  if (refusal !== null) return refusal;
  const script = transcriptionScript(file.bytes);
  if (model === 'gpt-4o-transcribe-diarize' && script.duration > DIARIZED_SECONDS_WITHOUT_CHUNKS_MAX) {
    if (fieldOf(form, 'chunking_strategy') === undefined)
      return invalid('chunking_strategy is required', 'chunking_strategy');
  }
  const body = bodyOf(script, model, answerForm, valuesOf(form, 'timestamp_granularities[]'));
  return { kind: 'json', status: 200, body, headers: { 'x-request-id': 'req_stub_transcription' } };
}

function refusalOf(
  form: readonly StubFormField[],
  model: string,
  answerForm: string,
  forms: readonly string[],
): StubAnswer | null {
  if (!forms.includes(answerForm)) {
    const message = `response_format '${answerForm}' is not compatible with model '${model}'.`;
    return completionError(400, 'invalid_request_error', 'unsupported_value', message, 'response_format');
  }
  const newer = model === 'gpt-transcribe';
  if (valuesOf(form, newer ? 'language' : 'languages[]').length > 0)
    return invalid('this model takes the other field', 'language');
  if (valuesOf(form, 'timestamp_granularities[]').length > 0 && answerForm !== 'verbose_json') {
    return invalid('timestamp_granularities needs verbose_json', 'timestamp_granularities');
  }
  const diarizing = model === 'gpt-4o-transcribe-diarize';
  if (diarizing && valuesOf(form, 'prompt').length > 0)
    return invalid('prompt is not supported by this model', 'prompt');
  return null;
}

const LETTERS = 'ABCD';

function bodyOf(
  script: TranscriptionScript,
  model: string,
  answerForm: string,
  granularities: readonly string[],
): object {
  const { duration, text, turns } = script;
  const byDuration = { type: 'duration', seconds: Math.ceil(duration) };
  if (answerForm === 'diarized_json') {
    const segments = turns.map(({ start, end, text: said, speaker }, index) => {
      return {
        type: 'transcript.text.segment',
        id: `seg_${index}`,
        start,
        end,
        text: ` ${said}`,
        speaker: LETTERS[speaker],
      };
    });
    return { task: 'transcribe', duration, text, segments, usage: byDuration };
  }
  if (answerForm === 'verbose_json') return verboseBody(script, granularities, 'english');
  if (model === 'gpt-transcribe') return { text, languages: [{ code: 'en' }], usage: byDuration };
  const audioTokens = Math.ceil(duration * 10);
  const usage = {
    type: 'tokens',
    input_tokens: audioTokens,
    input_token_details: { text_tokens: 0, audio_tokens: audioTokens },
    output_tokens: 12,
    total_tokens: audioTokens + 12,
  };
  return { text, usage };
}

/** Whisper's long answer; Groq has the same without usage. */
export function verboseBody(
  { duration, text, turns, words }: TranscriptionScript,
  granularities: readonly string[],
  language: string,
): Readonly<Record<string, unknown>> {
  const segments = turns.map(({ start, end, text: said }, id) => ({
    id,
    seek: 0,
    start,
    end,
    text: ` ${said}`,
    tokens: [50364, 1044],
    temperature: 0,
    avg_logprob: -0.25,
    compression_ratio: 1.1,
    no_speech_prob: 0.01,
  }));
  const asked = granularities.length === 0 ? ['segment'] : granularities;
  return {
    task: 'transcribe',
    language,
    duration,
    text,
    ...(asked.includes('segment') ? { segments } : {}),
    ...(asked.includes('word') ? { words: words.map(({ word, start, end }) => ({ word, start, end })) } : {}),
    usage: { type: 'duration', seconds: Math.ceil(duration) },
  };
}

const invalid = (message: string, param: string | null = null): StubAnswer =>
  completionError(400, 'invalid_request_error', null, message, param);
