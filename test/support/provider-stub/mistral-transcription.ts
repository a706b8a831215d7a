import { openApiDocument } from '../openapi';
import { readForm } from './form';
import { type StubAnswer, type StubRequest, validationError } from './requests';
import { containerOf, fieldOf, type TranscriptionScript, transcriptionScript, valuesOf } from './transcription-script';

const PATH = '/v1/audio/transcriptions';
const SERVED = ['voxtral-mini-2602', 'voxtral-mini-latest'];

/** Answers as the transcriptions of Mistral are documented to. */
export function answerAsMistralTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || refusedKeys.has(key)) {
    return { kind: 'json', status: 401, body: { message: 'Unauthorized', request_id: 'stub-mistral' } };
  }
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return validationError(['body'], 'Field required', 'missing');
  const fault = openApiDocument('mistral.yaml')?.formFaults('post', PATH, PATH, form)[0];
  if (fault !== undefined) return validationError(['body'], fault, 'value_error');
  const file = fieldOf(form, 'file');
  const [model = ''] = valuesOf(form, 'model');
  const granularities = valuesOf(form, 'timestamp_granularities');
  if (file === undefined) return failure(400, 'invalid_request_file', 'One of file, file_url and file_id is required.');
  if (!SERVED.includes(model)) return failure(400, 'invalid_model', `Invalid model: ${model}`);
  if (granularities.length > 0 && valuesOf(form, 'language').length > 0) {
    return failure(400, 'invalid_request_invalid_args', 'language and timestamp_granularities exclude each other.');
  }
  if (containerOf(file.bytes) === null) return failure(400, 'invalid_request_file', 'The audio could not be decoded.');
  const script = transcriptionScript(file.bytes);
  return {
    kind: 'json',
    status: 200,
    body: {
      model,
      text: script.text,
      language: valuesOf(form, 'language')[0] ?? 'en',
      segments: segmentsOf(script, granularities[0], valuesOf(form, 'diarize')[0] === 'true'),
      usage: {
        prompt_audio_seconds: Math.ceil(script.duration),
        prompt_tokens: 4,
        completion_tokens: 20,
        total_tokens: 24 + Math.ceil(script.duration * 12),
      },
    },
  };
}

/** Words come in place of segments. */
function segmentsOf(
  { turns, words }: TranscriptionScript,
  granularity: string | undefined,
  diarized: boolean,
): object[] {
  const type = 'transcription_segment';
  const by = (speaker: number): object => (diarized ? { speaker_id: `speaker_${speaker + 1}` } : {});
  if (granularity === 'word') {
    return words.map(({ word, start, end, speaker, confidence }) => {
      return { type, text: ` ${word}`, start, end, score: confidence, ...by(speaker) };
    });
  }
  if (granularity !== 'segment') return [];
  return turns.map(({ text, start, end, speaker }) => ({ type, text: ` ${text}`, start, end, ...by(speaker) }));
}

function failure(status: number, type: string, message: string): StubAnswer {
  return { kind: 'json', status, body: { object: 'error', message, type, param: null, code: '1500' } };
}
