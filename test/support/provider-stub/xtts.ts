import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField, validationError } from './requests';

const LATENT_WIDTH = 1_024;
const LATENT_ROWS = 32;
const EMBEDDING_LENGTH = 512;

/** Codes of the server, with the characters of one synthesis; longer texts may be cut off. */
const CHARACTERS_MAX: Readonly<Record<string, number>> = {
  ...{ en: 250, es: 239, fr: 273, de: 253, it: 213, pt: 203, pl: 224, tr: 226, ru: 182, nl: 251, cs: 186, ar: 166 },
  ...{ 'zh-cn': 82, ja: 71, hu: 224, ko: 95, hi: 150 },
};

/** Names of studio voices, each with numbers of its own. */
export const XTTS_SPEAKERS = ['Ana Florence', 'Asya Anara', 'Craig Gutsy'] as const;

const speakers = Object.fromEntries(
  XTTS_SPEAKERS.map((name, voice) => [
    name,
    {
      speaker_embedding: Array.from({ length: EMBEDDING_LENGTH }, (_, index) => half(voice + index / EMBEDDING_LENGTH)),
      gpt_cond_latent: Array.from({ length: LATENT_ROWS }, (_row, row) =>
        Array.from({ length: LATENT_WIDTH }, (_column, column) => half(voice - row + column / LATENT_WIDTH)),
      ),
    },
  ]),
);

/** The server prints what float16 keeps. */
function half(value: number): number {
  return Number(value.toFixed(3));
}

const PIECE_BYTES = 44_100; // 20 tokens of 1024 / 22050 s, near enough.

/** Answers as coqui-ai/xtts-streaming-server is documented to. */
export function answerAsXtts(request: StubRequest): StubAnswer {
  if (request.operation === 'voices') return { kind: 'json', status: 200, body: speakers };
  const streamed = request.path === '/tts_stream';
  const body = request.json;
  if (request.headers['content-type'] !== 'application/json' || typeof body !== 'object' || body === null) {
    return validationError(['body'], 'value is not a valid dict', 'type_error.dict');
  }
  const fields = body as Record<string, unknown>;
  for (const name of ['speaker_embedding', 'gpt_cond_latent', 'text', 'language']) {
    if (fields[name] === undefined) return validationError(['body', name], 'field required', 'value_error.missing');
  }
  const allowed = ['speaker_embedding', 'gpt_cond_latent', 'text', 'language'];
  const extra = unknownField(body, streamed ? [...allowed, 'add_wav_header', 'stream_chunk_size'] : allowed);
  if (extra !== undefined) return validationError(['body', extra], 'nothing sends this field', 'stand-in');
  const {
    text,
    language,
    speaker_embedding: embedding,
    gpt_cond_latent: latent,
    add_wav_header: header = true,
  } = fields;
  if (typeof text !== 'string') return validationError(['body', 'text'], 'str type expected', 'type_error.str');
  if (typeof language !== 'string') return validationError(['body', 'language'], 'str type expected', 'type_error.str');
  if (!isNumbers(embedding, EMBEDDING_LENGTH)) {
    return validationError(['body', 'speaker_embedding'], 'value is not a valid list', 'type_error.list');
  }
  if (!Array.isArray(latent) || latent.length === 0 || !latent.every((row) => isNumbers(row, LATENT_WIDTH))) {
    return validationError(['body', 'gpt_cond_latent'], 'value is not a valid list', 'type_error.list');
  }
  if (typeof header !== 'boolean') {
    return validationError(['body', 'add_wav_header'], 'value could not be parsed to a boolean', 'type_error.bool');
  }
  const { stream_chunk_size: chunkTokens = '20' } = fields;
  if (typeof chunkTokens !== 'string' || !/^\d+$/.test(chunkTokens)) {
    return validationError(['body', 'stream_chunk_size'], 'str type expected', 'type_error.str');
  }
  const limit = CHARACTERS_MAX[language];
  // Everything that the server did not foresee.
  if (limit === undefined || text.trim() === '') return unforeseen();
  const milliseconds = speechMilliseconds(Math.min(limit, [...text].length), 1);
  if (!streamed) {
    return { kind: 'json', status: 200, body: audioFixture('WAV', 24_000, milliseconds).toString('base64') };
  }
  const samples = audioFixture('PCM', 24_000, milliseconds);
  const pieces = header ? [wavHeaderFixture(24_000, 0, 36)] : [];
  for (let from = 0; from < samples.length; from += PIECE_BYTES)
    pieces.push(samples.subarray(from, from + PIECE_BYTES));
  return { kind: 'pieces', contentType: 'audio/wav', pieces };
}

function isNumbers(value: unknown, length: number): boolean {
  return Array.isArray(value) && value.length === length && value.every((item) => typeof item === 'number');
}

function unforeseen(): StubAnswer {
  return { kind: 'json', status: 500, body: 'Internal Server Error' };
}
