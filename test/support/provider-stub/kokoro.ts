import type { AudioFormat } from '../../../providers/contract/audio';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField, validationError } from './requests';

const MODELS = ['tts-1', 'tts-1-hd', 'kokoro', 'gpt-4o-mini-tts'];

/** A few of the server's packs, of several languages and both sexes, and a legacy one. */
export const KOKORO_VOICES = [
  'af_heart',
  'af_bella',
  'am_adam',
  'bf_emma',
  'bm_george',
  'ff_siwis',
  'pf_dora',
  'zm_yunxi',
  'af_v0bella',
];

const BODY_FIELDS = [
  'model',
  'input',
  'voice',
  'response_format',
  'download_format',
  'speed',
  'stream',
  'return_download_link',
  'return_timing',
  'lang_code',
  'volume_multiplier',
  'normalization_options',
  'allow_voice_tags',
  'voice_aliases',
  'ssml',
];

/** `aac` is documented too; the platform has no name for it and never asks. */
const RESPONSE_FORMATS: Readonly<Record<string, { format: AudioFormat; contentType: string }>> = {
  mp3: { format: 'MP3', contentType: 'audio/mpeg' },
  opus: { format: 'OGG_OPUS', contentType: 'audio/opus' },
  flac: { format: 'FLAC', contentType: 'audio/flac' },
  wav: { format: 'WAV', contentType: 'audio/wav' },
  pcm: { format: 'PCM', contentType: 'audio/pcm' },
};

/** Answers as Kokoro-FastAPI 0.8 is documented to. */
export function answerAsKokoro(request: StubRequest): StubAnswer {
  if (request.operation === 'voices') {
    const legacy = request.query.get('legacy') === 'true';
    const voices = legacy ? KOKORO_VOICES : KOKORO_VOICES.map((id) => ({ id, name: id }));
    return { kind: 'json', status: 200, body: { voices } };
  }
  const body = request.json;
  if (request.headers['content-type'] !== 'application/json' || typeof body !== 'object' || body === null) {
    return validationError(['body'], 'JSON decode error', 'json_invalid');
  }
  const extra = unknownField(body, BODY_FIELDS);
  if (extra !== undefined) return validationError(['body', extra], 'Extra inputs are not permitted', 'extra_forbidden');

  const fields = body as Record<string, unknown>;
  const { input, model = 'kokoro', voice = 'af_heart', speed = 1, stream = true, lang_code: language } = fields;
  if (typeof model !== 'string' || !MODELS.includes(model))
    return failure(400, 'invalid_model', `Unsupported model: ${String(model)}`);
  if (typeof input !== 'string') return validationError(['body', 'input'], 'Field required', 'missing');
  if (typeof speed !== 'number' || speed < 0.25 || speed > 4) {
    return validationError(['body', 'speed'], 'Input should be between 0.25 and 4', 'range');
  }
  if (typeof stream !== 'boolean')
    return validationError(['body', 'stream'], 'Input should be a valid boolean', 'bool_type');
  if (language !== undefined && (typeof language !== 'string' || !/^[abefhijpz]$/.test(language))) {
    return failure(400, 'validation_error', `Unsupported language code: ${String(language)}`);
  }
  if (typeof voice !== 'string' || !KOKORO_VOICES.includes(voice)) {
    return failure(
      400,
      'validation_error',
      `Voice '${String(voice)}' not found. Available voices: ${KOKORO_VOICES.join(', ')}`,
    );
  }
  const output = RESPONSE_FORMATS[String(fields.response_format ?? 'mp3')];
  if (output === undefined)
    return validationError(['body', 'response_format'], 'Input should be a supported format', 'literal_error');

  const pauses = [...input.matchAll(/\[pause:(\d+(?:\.\d+)?)s\]/gi)].reduce(
    (sum, [, seconds]) => sum + Number(seconds) * 1000,
    0,
  );
  const spoken = input.replace(/\[pause:\d+(?:\.\d+)?s\]/gi, '').replace(/\[([^\]]*)\]\(\/[^/)]*\/\)/g, '$1');
  return {
    kind: 'audio',
    ...output,
    sampleRate: 24_000,
    milliseconds: speechMilliseconds([...spoken].length, speed) + pauses,
    streamed: stream,
    headers: { 'x-accel-buffering': 'no' },
  };
}

function failure(status: number, error: string, message: string): StubAnswer {
  return { kind: 'json', status, body: { detail: { error, message, type: 'invalid_request_error' } } };
}
