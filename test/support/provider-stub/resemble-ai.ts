import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { acceptedKey, documentedFaults, piecesOf } from './documented';
import { type StubAnswer, type StubRequest, speechMilliseconds } from './requests';

const CHARACTERS_MAX: Readonly<Record<string, number>> = { '/synthesize': 3_000, '/stream': 2_000 };
const PIECE_BYTES = 4096;
const SYNTHESIS_SECONDS = 0.4;

/** The account of the stand-in: more voices than a page may have, one of them in training. */
export const RESEMBLE_VOICES = [
  voice('55592656', 'Library voice', 'en-US', ['en-US', 'fr-FR'], 'Ready'),
  voice('00000000', 'Being made', 'en-US', [], 'Training'),
  ...Array.from({ length: 1_050 }, (_, index) =>
    voice(`c${String(index).padStart(7, '0')}`, `Clone ${index}`, 'de-DE', [], 'Finished'),
  ),
];

function voice(uuid: string, name: string, language: string, supported: readonly string[], status: string) {
  return {
    uuid,
    name,
    status,
    default_language: language,
    supported_languages: supported,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  };
}

/** Answers as the two synthesis operations and the voices operation of Resemble AI are documented to. */
export function answerAsResembleAi(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Bearer', refusedKeys) === null) {
    return failure(401, { message: 'Invalid API token' });
  }
  return request.operation === 'voices' ? voicesPage(request) : speech(request);
}

function speech(request: StubRequest): StubAnswer {
  const [fault] = documentedFaults('resemble.yaml', request.path, request);
  if (fault !== undefined) return failure(400, { errors: { body: [fault] } });
  const body = (request.json ?? {}) as Record<string, string | undefined>;
  const { voice_uuid: voiceId, data = '', precision = 'PCM_32', output_format: format = 'wav' } = body;
  if (!RESEMBLE_VOICES.some(({ uuid }) => uuid === voiceId)) {
    return failure(404, { error_name: 'VoiceNotFound', message: 'Voice not found' });
  }
  if (data.length > CHARACTERS_MAX[request.path]!) {
    return failure(400, { errors: { data: [`is too long (maximum is ${CHARACTERS_MAX[request.path]} characters)`] } });
  }
  const spoken = data.replace(/<[^>]*>/g, '');
  if (spoken.trim() === '') return failure(400, { error: 'data is empty' });
  // The default precision makes files that nobody here can read.
  if (format === 'wav' && precision !== 'PCM_16')
    return failure(400, { error: `The stand-in does not make ${precision}.` });
  const sampleRate = Number(body.sample_rate ?? 48000);
  const milliseconds = speechMilliseconds([...spoken].length, 1);
  const audio = audioFixture(format === 'mp3' ? 'MP3' : 'WAV', sampleRate, milliseconds);
  if (request.path === '/stream') {
    const wire = streamedWav(sampleRate, audio.subarray(44));
    return { kind: 'pieces', contentType: 'application/octet-stream', pieces: piecesOf(wire, PIECE_BYTES) };
  }
  const answer = {
    success: true,
    audio_content: audio.toString('base64'),
    audio_timestamps: { graph_chars: [], graph_times: [], phon_chars: [], phon_times: [] },
    duration: milliseconds / 1000,
    synth_duration: SYNTHESIS_SECONDS,
    output_format: format,
    sample_rate: sampleRate,
    title: null,
    issues: [],
  };
  const document = Buffer.from(JSON.stringify(answer));
  return { kind: 'pieces', contentType: 'application/json', pieces: piecesOf(document, PIECE_BYTES) };
}

/** Time stamps lie in chunks between the format and the samples, and no length can be trusted. */
function streamedWav(sampleRate: number, samples: Buffer): Buffer {
  const header = wavHeaderFixture(sampleRate, 0xffffffff, 0xffffffff);
  const cue = Buffer.alloc(8 + 4);
  cue.write('cue ', 0, 'latin1');
  cue.writeUInt32LE(4, 4);
  const list = Buffer.concat([
    Buffer.from('LIST\x09\x00\x00\x00', 'latin1'),
    Buffer.from('adtlltxt\x00'),
    Buffer.from([0]),
  ]);
  return Buffer.concat([header.subarray(0, 36), cue, list, header.subarray(36), samples]);
}

function voicesPage(request: StubRequest): StubAnswer {
  const [fault] = documentedFaults('resemble.yaml', '/voices', request);
  const page = Number(request.query.get('page'));
  const size = Number(request.query.get('page_size') ?? 10);
  if (fault !== undefined || page < 1 || size < 10 || size > 1_000) {
    return failure(400, { message: fault ?? 'page_size must be between 10 and 1000' });
  }
  return {
    kind: 'json',
    status: 200,
    body: {
      success: true,
      page,
      num_pages: Math.ceil(RESEMBLE_VOICES.length / size),
      page_size: size,
      items: RESEMBLE_VOICES.slice((page - 1) * size, page * size),
    },
  };
}

function failure(status: number, words: Readonly<Record<string, unknown>>): StubAnswer {
  return { kind: 'json', status, body: { success: false, ...words } };
}
