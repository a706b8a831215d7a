import { openApiDocument } from '../openapi';
import { readForm } from './form';
import { type StubAnswer, type StubRequest, validationError } from './requests';
import { containerOf, fieldOf, type TranscriptionScript, transcriptionScript, valuesOf } from './transcription-script';

const PATH = '/v1/speech-to-text';
const SECONDS_MIN = 0.1;

/** Answers as the transcription of recordings at ElevenLabs is documented to. */
export function answerAsElevenLabsTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = request.headers['xi-api-key'];
  if (typeof key !== 'string' || key === '' || refusedKeys.has(key)) {
    return failure(401, 'authentication_error', 'invalid_api_key', 'Invalid API key');
  }
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return validationError(['body'], 'Field required', 'missing');
  const fault = openApiDocument('elevenlabs.json')?.formFaults('post', PATH, PATH, form)[0];
  if (fault !== undefined) return validationError(['body'], fault, 'value_error');
  const file = fieldOf(form, 'file');
  const [model = ''] = valuesOf(form, 'model_id');
  const [granularity = 'word'] = valuesOf(form, 'timestamps_granularity');
  const [language] = valuesOf(form, 'language_code');
  if (file === undefined)
    return failure(400, 'validation_error', 'invalid_parameters', 'Exactly one source is required.');
  if (!/^scribe_v[12]$/.test(model)) {
    return failure(400, 'validation_error', 'invalid_model_id', `'${model}' is not a valid model_id.`);
  }
  if (model === 'scribe_v1')
    return failure(400, 'validation_error', 'model_deprecated', 'scribe_v1 is no longer served.');
  if (language !== undefined && !/^[a-z]{2,3}$/.test(language)) {
    return failure(400, 'validation_error', 'unsupported_language', `The language '${language}' is not supported.`);
  }
  if (containerOf(file.bytes) === null) {
    return failure(400, 'validation_error', 'invalid_audio', 'The file is not audio or video, or is corrupted.');
  }
  const script = transcriptionScript(file.bytes);
  if (script.duration < SECONDS_MIN) return failure(400, 'validation_error', 'audio_too_short', 'Audio is too short.');
  return {
    kind: 'json',
    status: 200,
    body: {
      language_code: 'eng',
      language_probability: 0.98,
      text: script.text,
      words: granularity === 'none' ? [] : wordsOf(script, valuesOf(form, 'diarize')[0] === 'true'),
      transcription_id: 'stub-transcription',
      audio_duration_secs: script.duration,
    },
    headers: { 'request-id': 'stub-transcription-request' },
  };
}

/** Spaces are entries of their own, between the words. */
function wordsOf({ words }: TranscriptionScript, diarized: boolean): object[] {
  return words.flatMap(({ word, start, end, speaker, confidence }, index) => {
    const logprob = Math.log(confidence);
    const speaker_id = diarized ? `speaker_${speaker}` : null;
    const told = { text: word, start, end, type: 'word', speaker_id, logprob };
    const next = words[index + 1];
    if (next === undefined) return [told];
    return [told, { text: ' ', start: end, end: next.start, type: 'spacing', speaker_id, logprob: 0 }];
  });
}

function failure(status: number, type: string, code: string, message: string): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { detail: { type, code, message, status: code, request_id: 'stub-transcription-request' } },
    headers: { 'request-id': 'stub-transcription-request' },
  };
}
