import type { AudioFormat } from '../../../providers/contract/audio';
import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { acceptedKey, piecesOf } from './documented';
import { type StubAnswer, type StubRequest, speechMilliseconds, unknownField } from './requests';

const CHARACTERS_MAX = 2_000;
const MODELS = ['inworld-tts-2', 'inworld-tts-1.5-max', 'inworld-tts-1.5-mini'];
const BODY_FIELDS = [
  'text',
  'voiceId',
  'modelId',
  'audioConfig',
  'language',
  'deliveryMode',
  'temperature',
  'timestampType',
  'timestampTransportStrategy',
  'applyTextNormalization',
];
const AUDIO_FIELDS = ['audioEncoding', 'sampleRateHertz', 'bitRate', 'speakingRate'];
const ENCODINGS: Readonly<Record<string, AudioFormat>> = {
  MP3: 'MP3',
  LINEAR16: 'WAV',
  WAV: 'WAV',
  PCM: 'PCM',
  OGG_OPUS: 'OGG_OPUS',
  FLAC: 'FLAC',
  MULAW: 'MULAW',
};
/** Bytes of audio in one line of a stream. */
const LINE_BYTES = 6_000;
const PIECE_BYTES = 4096;

export const INWORLD_VOICES = [
  voice('Ashley', 'EN_US', 'FEMALE', ['EN_US', 'FR_FR']),
  voice('Dennis', 'EN_GB', 'MALE', []),
  voice('workspace__clone', 'DE_DE', undefined, []),
];

function voice(id: string, language: string, gender: string | undefined, promptLanguages: readonly string[]) {
  return {
    voiceId: id,
    name: `workspaces/w/voices/${id}`,
    displayName: id,
    description: `About ${id}.`,
    langCode: language,
    tags: [],
    categories: [],
    source: gender === undefined ? 'IVC' : 'SYSTEM',
    ...(gender === undefined ? {} : { gender }),
    promptLanguages,
  };
}

/** The gRPC codes that the documents name. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNAUTHENTICATED = 16;

/** Answers as the two synthesis operations and the voices operation of Inworld are documented to. */
export function answerAsInworld(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Basic', refusedKeys) === null) {
    return failure(401, UNAUTHENTICATED, 'Invalid authorization credentials');
  }
  return request.operation === 'voices' ? voicesPage(request) : speech(request);
}

function speech(request: StubRequest): StubAnswer {
  const body = request.json;
  if (request.headers['content-type'] !== 'application/json' || typeof body !== 'object' || body === null) {
    return failure(400, INVALID_ARGUMENT, 'The body is not JSON.');
  }
  const fields = body as Record<string, unknown>;
  const audioConfig = (fields.audioConfig ?? {}) as Record<string, unknown>;
  const fault = faultOf(fields, audioConfig);
  if (fault !== null) return failure(400, INVALID_ARGUMENT, fault);
  if (!INWORLD_VOICES.some(({ voiceId }) => voiceId === fields.voiceId)) {
    return failure(404, NOT_FOUND, `Unknown voice: ${String(fields.voiceId)} not found!`);
  }
  const text = String(fields.text);
  const format = ENCODINGS[String(audioConfig.audioEncoding ?? 'MP3')]!;
  const sampleRate = Number(audioConfig.sampleRateHertz ?? 48_000);
  const milliseconds = speechMilliseconds([...text].length, Number(audioConfig.speakingRate ?? 1));
  const audio = audioFixture(format, sampleRate, milliseconds);
  const usage = { processedCharactersCount: [...text].length, modelId: fields.modelId };
  if (!request.path.endsWith(':stream')) {
    const document = Buffer.from(
      JSON.stringify({ audioContent: audio.toString('base64'), usage, timestampInfo: null }),
    );
    return { kind: 'pieces', contentType: 'application/json', pieces: piecesOf(document, PIECE_BYTES) };
  }
  const lines = chunksOf(format, sampleRate, audio).map(
    (chunk) =>
      `${JSON.stringify({ result: { audioContent: chunk.toString('base64'), usage, timestampInfo: null } })}\n`,
  );
  return { kind: 'pieces', contentType: 'application/json', pieces: lines };
}

/** Every piece of a streamed WAV has a header of its own; those of Ogg are whole pages only by chance. */
function chunksOf(format: AudioFormat, sampleRate: number, audio: Buffer): Buffer[] {
  if (format !== 'WAV') return piecesOf(audio, LINE_BYTES);
  return piecesOf(audio.subarray(44), LINE_BYTES).map((samples) =>
    Buffer.concat([wavHeaderFixture(sampleRate, samples.length), samples]),
  );
}

function faultOf(
  fields: Readonly<Record<string, unknown>>,
  audioConfig: Readonly<Record<string, unknown>>,
): string | null {
  const extra = unknownField(fields, BODY_FIELDS) ?? unknownField(audioConfig, AUDIO_FIELDS);
  if (extra !== undefined) return `Invalid JSON payload received. Unknown name "${extra}".`;
  const { text, modelId, deliveryMode, temperature, language } = fields;
  if (typeof text !== 'string' || text.trim() === '') return 'text is required.';
  if ([...text].length > CHARACTERS_MAX) return `text is longer than ${CHARACTERS_MAX} characters.`;
  if (typeof modelId !== 'string' || !MODELS.includes(modelId)) return `Unknown model: ${String(modelId)}.`;
  const second = modelId === 'inworld-tts-2';
  if (deliveryMode !== undefined && !(second && ['STABLE', 'BALANCED', 'CREATIVE'].includes(String(deliveryMode)))) {
    return 'deliveryMode is not valid for this model.';
  }
  if (temperature !== undefined && second) return 'temperature is not valid for this model.';
  if (language !== undefined && !/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(String(language)))
    return 'language is not valid.';
  const { audioEncoding = 'MP3', sampleRateHertz = 48_000, bitRate, speakingRate = 1 } = audioConfig;
  if (!(String(audioEncoding) in ENCODINGS)) return 'audioEncoding is not valid.';
  const rate = Number(sampleRateHertz);
  if (!Number.isInteger(rate) || rate < 8_000 || rate > 48_000) return 'sampleRateHertz is out of range.';
  if (audioEncoding === 'MULAW' && rate !== 8_000) return 'MULAW is 8000 Hz.';
  if (bitRate !== undefined && audioEncoding !== 'MP3' && audioEncoding !== 'OGG_OPUS')
    return 'bitRate is not valid here.';
  if (typeof speakingRate !== 'number' || speakingRate < 0.5 || speakingRate > 1.5)
    return 'speakingRate is out of range.';
  return null;
}

/** Without parameters all of it comes at once; with a size, in pages. */
function voicesPage({ query }: StubRequest): StubAnswer {
  const size = Number(query.get('pageSize') ?? INWORLD_VOICES.length);
  const from = Number(query.get('pageToken') ?? 0);
  const more = from + size < INWORLD_VOICES.length;
  return {
    kind: 'json',
    status: 200,
    body: {
      voices: INWORLD_VOICES.slice(from, from + size),
      totalSize: INWORLD_VOICES.length,
      nextPageToken: more ? String(from + size) : '',
    },
  };
}

function failure(status: number, code: number, message: string): StubAnswer {
  return { kind: 'json', status, body: { code, message, details: [] } };
}
