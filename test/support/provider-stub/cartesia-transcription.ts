import { openApiDocument } from '../openapi';
import { readForm } from './form';
import type { StubAnswer, StubRequest } from './requests';
import { containerOf, extensionOf, fieldOf, transcriptionScript, valuesOf } from './transcription-script';

const PATH = '/stt';
const EXTENSIONS = ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm'];
/** The provider's figure is not known; it has one. */
const FILE_BYTES_MAX = 500_000_000;
const REQUEST_ID = '6a1f3c1e-0000-4000-8000-000000000001';

/** Answers as the transcription of recordings at Cartesia is documented to. */
export function answerAsCartesiaTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(String(request.headers['cartesia-version']))) {
    return failure(400, null, 'Invalid version', 'The Cartesia-Version header is missing.');
  }
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || refusedKeys.has(key)) return failure(401, null, 'Unauthorized', 'Invalid API key.');
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return failure(400, null, 'Bad request', 'The body is not a form.');
  const [model = ''] = valuesOf(form, 'model');
  if (!model.startsWith('ink-whisper')) return failure(400, 'model_not_found', 'Model not found', `No model ${model}.`);
  const document = openApiDocument('cartesia.yaml');
  const fault = document?.formFaults('post', PATH, PATH, form)[0];
  if (fault?.startsWith('form.language') === true) {
    return failure(400, 'language_not_supported', 'Language not supported', fault);
  }
  if (fault !== undefined) return failure(400, null, 'Bad request', fault);
  const file = fieldOf(form, 'file');
  if (file === undefined) return failure(400, null, 'Bad request', 'file is required');
  if (file.bytes.length > FILE_BYTES_MAX)
    return failure(413, 'file_too_large', 'File too large', 'Send a smaller file.');
  if (!EXTENSIONS.includes(extensionOf(file.fileName ?? '')) || containerOf(file.bytes) === null) {
    return failure(400, 'unsupported_audio_format', 'Unsupported audio format', 'The file is not of a known format.');
  }
  const { text, duration, words } = transcriptionScript(file.bytes);
  const asked = valuesOf(form, 'timestamp_granularities[]').includes('word');
  return {
    kind: 'json',
    status: 200,
    body: {
      type: 'transcript',
      request_id: REQUEST_ID,
      text,
      is_final: true,
      language: valuesOf(form, 'language')[0] ?? 'en',
      duration,
      ...(asked ? { words: words.map(({ word, start, end }) => ({ word, start, end })) } : {}),
    },
  };
}

function failure(status: number, error_code: string | null, title: string, message: string): StubAnswer {
  return { kind: 'json', status, body: { error_code, title, message, request_id: REQUEST_ID } };
}
