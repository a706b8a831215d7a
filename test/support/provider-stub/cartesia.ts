import { randomUUID } from 'node:crypto';
import type { AudioFormat } from '../../../providers/contract/audio';
import { acceptedKey, documentedFaults } from './documented';
import { type StubAnswer, type StubRequest, speechMilliseconds } from './requests';

const VERSIONS = ['2024-06-10', '2024-11-13', '2025-04-16', '2025-11-04', '2026-03-01', '2026-08-14'];
/** Versions in which a voice has no mode. */
const PLAIN_VOICE_VERSIONS = ['2026-08-14'];
/** Still served, though the OpenAPI file has dropped them. */
const OLDER_MODELS = [
  'sonic-2',
  'sonic-2-2025-04-16',
  'sonic-2-2025-05-08',
  'sonic-2-2025-06-11',
  'sonic-turbo-2025-06-04',
];
const SUNSET_MODELS = ['sonic', 'sonic-english', 'sonic-multilingual', 'sonic-2-2025-03-07', 'sonic-turbo-2025-03-07'];
const CURRENT_MODELS = ['sonic-3.5', 'sonic-3', 'sonic-3.5-2026-05-04', 'sonic-3-2026-01-12', 'sonic-3-2025-10-27'];
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  raw: 'application/octet-stream',
};
const RAW_FORMATS: Readonly<Record<string, AudioFormat>> = { pcm_s16le: 'PCM', pcm_mulaw: 'MULAW' };

/** A stock voice, one of another language, and enough clones that a list of 100 a page has a second page. */
export const CARTESIA_VOICES = [
  voice('f786b574-daa5-4673-aa0c-cbe3e8534c02', 'Katie', 'feminine', 'en', ['en-US', 'en-GB']),
  voice('3f4ade23-6eb4-4279-ab05-6a144947c4d5', 'Gustav', 'masculine', 'de', ['de-DE']),
  ...Array.from({ length: 120 }, (_, index) =>
    voice(`00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, `Clone ${index}`, null, 'fr', []),
  ),
];

function voice(id: string, name: string, gender: string | null, language: string, locales: readonly string[]) {
  return {
    id,
    name,
    gender,
    language,
    locales: locales.map((locale, index) => ({ locale, is_native: index === 0 })),
    description: 'A voice for narration.',
    tagline: 'Narration',
    access: gender === null ? 'private' : 'public',
    visibility: gender === null ? 'owner' : 'all',
    is_owner: gender === null,
    created_at: '2026-01-01T00:00:00Z',
  };
}

/** Answers as the speech and voices operations of Cartesia are documented to. */
export function answerAsCartesia(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Bearer', refusedKeys) === null) {
    return failure(401, 'unauthorized', 'Unauthorized', 'The API key is missing or not valid.');
  }
  const version = request.headers['cartesia-version'];
  if (typeof version !== 'string' || !VERSIONS.includes(version)) {
    return failure(400, 'invalid_version', 'Invalid version', 'Send a known version in Cartesia-Version.');
  }
  return request.operation === 'voices' ? voicesPage(request) : speech(request, version);
}

function speech(request: StubRequest, version: string): StubAnswer {
  const body = (request.json ?? {}) as Record<string, unknown>;
  const model = String(body.model_id);
  if (SUNSET_MODELS.includes(model)) {
    return failure(400, 'model_sunsetted', 'Model sunset', `The model ${model} is no longer served.`);
  }
  if (!CURRENT_MODELS.includes(model) && !OLDER_MODELS.includes(model)) {
    return failure(
      400,
      'model_not_found',
      'Invalid model',
      'The model is not valid, make sure it is a valid model ID.',
    );
  }
  const plainVoice = PLAIN_VOICE_VERSIONS.includes(version);
  const { id, mode } = (typeof body.voice === 'string' ? { id: body.voice } : (body.voice ?? {})) as Record<
    string,
    unknown
  >;
  if (plainVoice ? mode !== undefined : mode !== 'id') {
    return failure(400, 'invalid_request', 'Invalid voice', `The voice does not have the form of version ${version}.`);
  }
  // The file describes the current models and the older form of a voice.
  const described = { ...body, voice: { mode: 'id', id }, model_id: OLDER_MODELS.includes(model) ? 'sonic-3' : model };
  const [fault] = documentedFaults('cartesia.yaml', '/tts/bytes', { ...request, json: described });
  if (fault !== undefined) return failure(400, 'invalid_request', 'Invalid request', fault);
  if (!CARTESIA_VOICES.some((each) => each.id === id)) {
    return failure(
      404,
      'voice_not_found',
      'Invalid voice',
      'The voice is not valid, make sure it is a valid voice ID.',
    );
  }
  const transcript = String(body.transcript);
  if (transcript.trim() === '') {
    return failure(400, 'invalid_request', 'Invalid transcript', 'The transcript is empty.');
  }
  const { speed = 1 } = (body.generation_config ?? {}) as { speed?: number };
  if (speed < 0.6 || speed > 1.5) {
    return failure(422, 'invalid_request', 'Invalid speed', 'The speed must be between 0.6 and 1.5.');
  }
  const output = body.output_format as { container: string; encoding?: string; sample_rate: number };
  const raw = RAW_FORMATS[output.encoding ?? ''];
  const format = output.container === 'mp3' ? 'MP3' : output.container === 'wav' && raw === 'PCM' ? 'WAV' : raw;
  if (format === undefined)
    return failure(400, 'invalid_request', 'Invalid encoding', 'The stand-in does not make it.');
  return {
    kind: 'audio',
    format,
    sampleRate: output.sample_rate,
    contentType: CONTENT_TYPES[output.container]!,
    // Only the models since sonic-3 heed a speed.
    milliseconds: speechMilliseconds([...transcript].length, model.startsWith('sonic-3') ? speed : 1),
    streamed: true,
    headers: { 'x-request-id': randomUUID() },
  };
}

function voicesPage(request: StubRequest): StubAnswer {
  const [fault] = documentedFaults('cartesia.yaml', '/voices', request);
  const limit = Number(request.query.get('limit') ?? 10);
  if (fault !== undefined || limit < 1 || limit > 100) {
    return failure(400, 'invalid_request', 'Invalid request', fault ?? 'limit must be between 1 and 100.');
  }
  const after = request.query.get('starting_after');
  const from = after === null ? 0 : CARTESIA_VOICES.findIndex(({ id }) => id === after) + 1;
  const data = CARTESIA_VOICES.slice(from, from + limit);
  const more = from + limit < CARTESIA_VOICES.length;
  return {
    kind: 'json',
    status: 200,
    body: { data, has_more: more, next_page: more ? data.at(-1)!.id : null },
  };
}

function failure(status: number, code: string, title: string, message: string): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { error_code: code, title, message, request_id: randomUUID(), doc_url: 'https://docs.cartesia.ai/' },
  };
}
