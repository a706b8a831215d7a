import type { AudioFormat } from '../../../providers/contract/audio';
import { audioFixture } from '../audio-fixtures';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField, validationError } from './requests';

/** Files of Chatterbox-TTS-Server. */
export const CHATTERBOX_VOICES = ['Abigail.wav', 'Emily.wav', 'Ryan.wav', 'my-clip.mp3'];
/** Names in the library of chatterbox-tts-api. */
export const CHATTERBOX_LIBRARY = ['narrator', 'announcer'];

const FORMATS: Readonly<Record<string, { format: AudioFormat; contentType: string; sampleRate: number }>> = {
  wav: { format: 'WAV', contentType: 'audio/wav', sampleRate: 24_000 },
  mp3: { format: 'MP3', contentType: 'audio/mp3', sampleRate: 24_000 },
  opus: { format: 'OGG_OPUS', contentType: 'audio/opus', sampleRate: 48_000 },
};
const LANGUAGES = 'ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh'.split(' ');
const PIECE_BYTES = 9_600; // 200 ms

/**
 * Answers as both servers are documented to, told apart by what they are asked: events are the other server's alone, and so is
 * `/v1/voices`. A test that wants only that one lets `/v1/audio/voices` fail.
 */
export function answerAsChatterbox(request: StubRequest): StubAnswer {
  if (request.operation === 'voices') {
    const voices = CHATTERBOX_LIBRARY.map((name) => ({ name, filename: `${name}.wav`, language: 'en' }));
    const body =
      request.path === '/v1/voices' ? { voices, count: voices.length } : { status: 'ok', voices: CHATTERBOX_VOICES };
    return { kind: 'json', status: 200, body };
  }
  const body = request.json;
  if (request.headers['content-type'] !== 'application/json' || typeof body !== 'object' || body === null) {
    return validationError(['body'], 'JSON decode error', 'json_invalid');
  }
  const fields = body as Record<string, unknown>;
  if (request.path === '/tts') return ownRoute(fields);
  return fields.stream_format === 'sse' ? events(fields) : openAiRoute(fields);
}

/** Chatterbox-TTS-Server, `POST /v1/audio/speech`. */
function openAiRoute(fields: Record<string, unknown>): StubAnswer {
  const extra = unknownField(fields, ['model', 'input', 'voice', 'response_format', 'speed', 'seed']);
  if (extra !== undefined) return validationError(['body', extra], 'Extra inputs are not permitted', 'extra_forbidden');
  const { model, input, voice, response_format: format = 'wav', speed = 1 } = fields;
  if (typeof model !== 'string') return validationError(['body', 'model'], 'Field required', 'missing');
  if (typeof input !== 'string') return validationError(['body', 'input'], 'Field required', 'missing');
  return file(input, voice, format, speed);
}

/** Chatterbox-TTS-Server, `POST /tts`. */
function ownRoute(fields: Record<string, unknown>): StubAnswer {
  const allowed = [
    'text',
    'voice_mode',
    'predefined_voice_id',
    'output_format',
    'split_text',
    'chunk_size',
    'language',
  ];
  const extra = unknownField(fields, [...allowed, 'speed_factor']);
  if (extra !== undefined) return validationError(['body', extra], 'Extra inputs are not permitted', 'extra_forbidden');
  const { text, voice_mode: mode = 'predefined', chunk_size: chunk = 120, split_text: split = true } = fields;
  if (typeof text !== 'string' || text === '') return validationError(['body', 'text'], 'Field required', 'missing');
  if (mode !== 'predefined') return validationError(['body', 'voice_mode'], 'nothing clones here', 'literal_error');
  if (typeof chunk !== 'number' || chunk < 50 || chunk > 500 || typeof split !== 'boolean') {
    return validationError(['body', 'chunk_size'], 'Input should be from 50 to 500', 'range');
  }
  if (fields.language !== undefined && !LANGUAGES.includes(String(fields.language))) {
    return { kind: 'json', status: 400, body: { detail: `Unsupported language: ${String(fields.language)}` } };
  }
  return file(text, fields.predefined_voice_id, fields.output_format ?? 'wav', fields.speed_factor ?? 1);
}

function file(text: string, voice: unknown, format: unknown, speed: unknown): StubAnswer {
  if (typeof voice !== 'string' || !CHATTERBOX_VOICES.includes(voice)) {
    return { kind: 'json', status: 404, body: { detail: `Voice file '${String(voice)}' not found.` } };
  }
  const output = FORMATS[String(format)];
  if (output === undefined)
    return validationError(['body', 'response_format'], 'Input should be wav, opus or mp3', 'literal_error');
  // The ranges are declared, and not enforced: what is out of them is a fault of ours.
  if (typeof speed !== 'number' || speed < 0.25 || speed > 4) {
    return validationError(['body', 'speed'], 'out of the declared range', 'stand-in');
  }
  return {
    kind: 'audio',
    ...output,
    milliseconds: speechMilliseconds([...text].length, speed),
    streamed: false,
    headers: {},
  };
}

/** chatterbox-tts-api, `POST /v1/audio/speech` with `stream_format: "sse"`; a voice that it does not know is its default. */
function events(fields: Record<string, unknown>): StubAnswer {
  const extra = unknownField(fields, ['input', 'voice', 'response_format', 'stream_format']);
  if (extra !== undefined) {
    return {
      kind: 'json',
      status: 400,
      body: { error: { message: `nothing sends ${extra}`, type: 'validation_error' } },
    };
  }
  const { input, voice = 'alloy' } = fields;
  if (typeof input !== 'string' || input === '' || input.length > 3_000 || typeof voice !== 'string') {
    return validationError(['body', 'input'], 'String should have at most 3000 characters', 'string_too_long');
  }
  const samples = audioFixture('PCM', 24_000, speechMilliseconds([...input].length, 1));
  const written = [event({ type: 'speech.audio.info', sample_rate: 24_000, channels: 1, bits_per_sample: 16 })];
  for (let from = 0; from < samples.length; from += PIECE_BYTES) {
    const audio = samples.subarray(from, from + PIECE_BYTES).toString('base64');
    written.push(event({ type: 'speech.audio.delta', audio }));
  }
  const usage = { input_tokens: 9, output_tokens: 50, total_tokens: 59 };
  return { kind: 'events', events: [...written, event({ type: 'speech.audio.done', usage })] };
}

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
