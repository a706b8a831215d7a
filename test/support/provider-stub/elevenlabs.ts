import type { AudioFormat } from '../../../providers/contract/audio';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField, validationError } from './requests';

/** Characters of one request, by model. */
const CHARACTERS_MAX: Readonly<Record<string, number>> = {
  eleven_multilingual_v2: 10_000,
  eleven_flash_v2_5: 40_000,
  eleven_flash_v2: 30_000,
  eleven_turbo_v2_5: 40_000,
  eleven_turbo_v2: 30_000,
  eleven_v3: 3_000,
};

const BODY_FIELDS = [
  'text',
  'model_id',
  'language_code',
  'voice_settings',
  'pronunciation_dictionary_locators',
  'seed',
  'previous_text',
  'next_text',
  'previous_request_ids',
  'next_request_ids',
  'use_pvc_as_ivc',
  'apply_text_normalization',
  'apply_language_text_normalization',
];
const VOICE_SETTINGS = ['stability', 'use_speaker_boost', 'similarity_boost', 'style', 'speed'];

const OUTPUT_FORMATS: readonly { pattern: RegExp; format: AudioFormat; contentType: string; oneShotOnly?: boolean }[] =
  [
    { pattern: /^mp3_(44100_(32|64|96|128|192)|24000_48|22050_32)$/, format: 'MP3', contentType: 'audio/mpeg' },
    { pattern: /^pcm_(8000|16000|22050|24000|32000|44100|48000)$/, format: 'PCM', contentType: 'audio/pcm' },
    {
      pattern: /^wav_(8000|16000|22050|24000|32000|44100|48000)$/,
      format: 'WAV',
      contentType: 'audio/wav',
      oneShotOnly: true,
    },
    { pattern: /^ulaw_8000$/, format: 'MULAW', contentType: 'audio/basic' },
    { pattern: /^opus_48000_(32|64|96|128|192)$/, format: 'OGG_OPUS', contentType: 'audio/ogg' },
  ];

/** The account of the stand-in: a few stock voices, and enough cloned ones that a list of 100 a page has a second page. */
export const ELEVENLABS_VOICES = [
  voice('21m00Tcm4TlvDq8ikWAM', 'Rachel', { gender: 'female', accent: 'american', language: 'en' }),
  voice('pNInz6obpgDQGcFmaJgB', 'Adam', { gender: 'male', accent: 'american', language: 'en' }),
  voice('unlabelledVoice00001', 'Unlabelled', {}),
  ...Array.from({ length: 120 }, (_, index) =>
    voice(`clonedVoice${String(index).padStart(9, '0')}`, `Clone ${index}`, { language: 'de' }),
  ),
];

function voice(id: string, name: string, labels: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return {
    voice_id: id,
    name,
    category: 'premade',
    labels,
    description: labels.accent === undefined ? null : 'A calm voice for narration.',
    preview_url: labels.accent === undefined ? null : `https://storage.example/${id}.mp3`,
    available_for_tiers: [],
    high_quality_base_model_ids: ['eleven_multilingual_v2'],
    verified_languages: labels.accent === undefined ? null : [{ language: 'fr', model_id: 'eleven_multilingual_v2' }],
  };
}

let requestNumber = 0;

/** Answers as the text-to-speech and voices operations of ElevenLabs are documented to. */
export function answerAsElevenLabs(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = request.headers['xi-api-key'];
  if (typeof key !== 'string' || key === '' || refusedKeys.has(key)) {
    return failure(401, 'authentication_error', 'invalid_api_key', 'Invalid API key');
  }
  return request.operation === 'voices' ? voicesPage(request) : speech(request, request.path.split('/'));
}

function speech(request: StubRequest, [, , , encodedVoice, stream]: readonly string[]): StubAnswer {
  const streamed = stream === 'stream';
  if (request.headers['content-type'] !== 'application/json')
    return validationError(['body'], 'Input should be JSON', 'json_type');
  const body = request.json;
  if (typeof body !== 'object' || body === null) return validationError(['body'], 'JSON decode error', 'json_invalid');
  for (const name of request.query.keys()) {
    if (!['output_format', 'enable_logging', 'optimize_streaming_latency'].includes(name)) {
      return validationError(['query', name], 'Extra inputs are not permitted', 'extra_forbidden');
    }
  }
  const extra = unknownField(body, BODY_FIELDS);
  if (extra !== undefined) return validationError(['body', extra], 'Extra inputs are not permitted', 'extra_forbidden');

  const {
    text,
    model_id: model = 'eleven_multilingual_v2',
    language_code: language,
    voice_settings: settings,
  } = body as Record<string, unknown>;
  if (typeof text !== 'string') return validationError(['body', 'text'], 'Field required', 'missing');
  const limit = typeof model === 'string' ? CHARACTERS_MAX[model] : undefined;
  if (limit === undefined) return failure(400, 'validation_error', 'model_not_found', 'The model does not exist.');
  if (text.trim() === '') return failure(400, 'validation_error', 'input_text_empty', 'The text is empty.');
  const characters = [...text].length;
  if (characters > limit) {
    return failure(
      400,
      'validation_error',
      'max_character_limit_exceeded',
      `The text has ${characters} characters; this model takes ${limit}.`,
    );
  }
  if (language !== undefined && (typeof language !== 'string' || !/^[a-z]{2}$/.test(language))) {
    return validationError(['body', 'language_code'], 'Input should be an ISO 639-1 code', 'string_pattern_mismatch');
  }
  if (language !== undefined && model === 'eleven_multilingual_v2') {
    return failure(
      400,
      'validation_error',
      'unsupported_parameter',
      `Model 'eleven_multilingual_v2' does not support 'language_code'.`,
    );
  }
  const speed = speedOf(settings);
  if (typeof speed !== 'number') return speed;
  if (!ELEVENLABS_VOICES.some(({ voice_id }) => voice_id === decodeURIComponent(encodedVoice ?? ''))) {
    return failure(404, 'not_found', 'voice_not_found', 'A voice with this voice_id was not found.');
  }
  const outputFormat = request.query.get('output_format') ?? 'mp3_44100_128';
  const output = OUTPUT_FORMATS.find(({ pattern }) => pattern.test(outputFormat));
  if (output === undefined || (streamed && output.oneShotOnly === true)) {
    return validationError(['query', 'output_format'], 'Input should be a supported output format', 'enum');
  }
  return {
    kind: 'audio',
    format: output.format,
    sampleRate: Number(outputFormat.split('_')[1]),
    contentType: output.contentType,
    milliseconds: speechMilliseconds([...text.replace(/<break [^>]*>/g, '')].length, speed),
    streamed,
    headers: {
      'request-id': `stub-request-${++requestNumber}`,
      'character-cost': String(Math.ceil(characters * (/flash|turbo/.test(String(model)) ? 0.5 : 1))),
    },
  };
}

function speedOf(settings: unknown): number | StubAnswer {
  if (settings === undefined || settings === null) return 1;
  const extra = typeof settings === 'object' ? unknownField(settings, VOICE_SETTINGS) : 'voice_settings';
  if (extra !== undefined)
    return validationError(['body', 'voice_settings', extra], 'Extra inputs are not permitted', 'extra_forbidden');
  const { speed = 1 } = settings as Record<string, unknown>;
  if (typeof speed !== 'number' || speed < 0.7 || speed > 1.2) {
    return failure(400, 'validation_error', 'invalid_voice_settings', 'The speed must be between 0.7 and 1.2.');
  }
  return speed;
}

function voicesPage({ query }: StubRequest): StubAnswer {
  const size = Number(query.get('page_size') ?? 10);
  if (!Number.isInteger(size) || size < 1 || size > 100) {
    return validationError(['query', 'page_size'], 'Input should be less than or equal to 100', 'less_than_equal');
  }
  const from = Number(query.get('next_page_token') ?? 0);
  const more = from + size < ELEVENLABS_VOICES.length;
  return {
    kind: 'json',
    status: 200,
    body: {
      voices: ELEVENLABS_VOICES.slice(from, from + size),
      has_more: more,
      total_count: query.get('include_total_count') === 'false' ? 0 : ELEVENLABS_VOICES.length,
      next_page_token: more ? String(from + size) : null,
    },
  };
}

/** The current form of an error body. */
function failure(status: number, type: string, code: string, message: string): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { detail: { type, code, message, status: code, request_id: `stub-request-${++requestNumber}`, param: null } },
  };
}
