import { openApiDocument } from '../openapi';
import { bearerOf, completionError } from './completions';
import { readForm } from './form';
import { verboseBody } from './openai-transcription';
import type { StubAnswer, StubRequest } from './requests';
import { containerOf, extensionOf, fieldOf, transcriptionScript, valuesOf } from './transcription-script';

const EXTENSIONS = ['flac', 'mp3', 'mp4', 'mpeg', 'mpga', 'm4a', 'ogg', 'wav', 'webm'];
const FILE_BYTES_MAX = 25_000_000;
const MODELS = ['whisper-large-v3', 'whisper-large-v3-turbo'];
const PATH = '/openai/v1/audio/transcriptions';
const X_GROQ = { id: 'req_01stubgroqaudio' };

/** Answers as the transcriptions of Groq are documented to. */
export function answerAsGroqTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (bearerOf(request, refusedKeys) === null) {
    return completionError(401, 'invalid_request_error', 'invalid_api_key', 'Invalid API Key');
  }
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return invalid('the body is not a form');
  const fault = openApiDocument('groq.yaml')?.formFaults('post', PATH, PATH, form)[0];
  if (fault !== undefined) return invalid(fault);
  const file = fieldOf(form, 'file');
  const [model = ''] = valuesOf(form, 'model');
  const [answerForm = 'json'] = valuesOf(form, 'response_format');
  const granularities = valuesOf(form, 'timestamp_granularities[]');
  if (file === undefined) return invalid('file or url is required');
  if (file.bytes.length > FILE_BYTES_MAX) {
    return completionError(413, 'invalid_request_error', 'request_too_large', 'Request Entity Too Large');
  }
  if (!MODELS.includes(model)) {
    return completionError(404, 'invalid_request_error', 'model_not_found', `The model \`${model}\` does not exist.`);
  }
  if (!EXTENSIONS.includes(extensionOf(file.fileName ?? '')) || containerOf(file.bytes) === null) {
    return invalid('could not process file - is it a valid media file?');
  }
  if (granularities.length > 0 && answerForm !== 'verbose_json') return invalid('timestamps need verbose_json');
  const script = transcriptionScript(file.bytes);
  const { usage: _, ...verbose } = verboseBody(script, granularities, 'English');
  return {
    kind: 'json',
    status: 200,
    body: { ...(answerForm === 'verbose_json' ? verbose : { text: script.text }), x_groq: X_GROQ },
    headers: { 'x-request-id': 'req_stub_groq' },
  };
}

const invalid = (message: string): StubAnswer => completionError(400, 'invalid_request_error', null, message);
