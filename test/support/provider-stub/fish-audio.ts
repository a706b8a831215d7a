import type { AudioFormat } from '../../../providers/contract/audio';
import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { acceptedKey, documentedFaults, piecesOf } from './documented';
import { type StubAnswer, type StubRequest, speechMilliseconds } from './requests';

const FORMATS: Readonly<
  Record<string, { format: AudioFormat; contentType: string; sampleRates: readonly [number, ...number[]] }>
> = {
  mp3: { format: 'MP3', contentType: 'audio/mpeg', sampleRates: [44100, 32000] },
  wav: { format: 'WAV', contentType: 'audio/wav', sampleRates: [44100, 8000, 16000, 24000, 32000] },
  pcm: { format: 'PCM', contentType: 'audio/pcm', sampleRates: [44100, 8000, 16000, 24000, 32000] },
  opus: { format: 'OGG_OPUS', contentType: 'audio/ogg', sampleRates: [48000] },
};
/** What the header of a streamed WAV says, as the length is not known. */
const RIFF_BYTES = 4_294_967_076;
const DATA_BYTES = 4_294_967_040;
const PIECE_BYTES = 4096;

/** The window on public voices ends here. */
const MAX_OFFSET = 1_300;

/** One account with a voice of its own in use and one in training, among public voices without number. */
export const FISH_AUDIO_OWN_VOICES = [
  voice('a0000000000000000000000000000001', 'Mine', { tags: ['male', 'calm'], languages: ['en', 'zh'] }),
  voice('a0000000000000000000000000000002', 'Being made', { state: 'training' }),
];
export const FISH_AUDIO_PUBLIC_VOICES = [
  voice('7f92f8afb8ec43bf81429cc1c9199cb1', 'Narrator', { tags: ['Female'], languages: ['en', 'English'] }),
  voice('b0000000000000000000000000000000', 'Singer', { type: 'svc' }),
  ...Array.from({ length: 1_500 }, (_, index) => voice(`c${String(index).padStart(31, '0')}`, `Public ${index}`, {})),
];

function voice(
  id: string,
  title: string,
  more: { type?: string; state?: string; tags?: readonly string[]; languages?: readonly string[] },
) {
  return {
    _id: id,
    type: 'tts',
    title,
    description: `About ${title}.`,
    cover_image: '',
    train_mode: 'fast',
    state: 'trained',
    tags: [],
    samples: [{ title: 'Sample', text: 'Hello.', task_id: 't', audio: `https://platform.example/${id}.mp3` }],
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    languages: ['en'],
    visibility: 'public',
    like_count: 0,
    mark_count: 0,
    shared_count: 0,
    task_count: 0,
    author: { _id: 'author', nickname: 'Author', avatar: '' },
    ...more,
  };
}

/** Answers as the speech and model operations of Fish Audio are documented to. */
export function answerAsFishAudio(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Bearer', refusedKeys) === null) return failure(401, 'Invalid Token');
  return request.operation === 'voices' ? voicesPage(request) : speech(request);
}

function speech(request: StubRequest): StubAnswer {
  const [fault] = documentedFaults('fish-audio.json', '/v1/tts', request);
  const body = (request.json ?? {}) as Record<string, unknown>;
  const output = FORMATS[String(body.format ?? 'mp3')];
  if (fault !== undefined || output === undefined) return invalid(['body'], fault ?? 'unknown format');
  const sampleRate = (body.sample_rate ?? output.sampleRates[0]) as number;
  if (!output.sampleRates.includes(sampleRate)) return failure(400, `Sample rate ${sampleRate} is not supported.`);
  const { speed = 1 } = (body.prosody ?? {}) as { speed?: number };
  if (speed < 0.5 || speed > 2) return invalid(['body', 'prosody', 'speed'], 'Input should be between 0.5 and 2');
  const text = String(body.text);
  if (text.trim() === '') return failure(400, 'Text is empty.');
  const known = [...FISH_AUDIO_OWN_VOICES, ...FISH_AUDIO_PUBLIC_VOICES].find(({ _id }) => _id === body.reference_id);
  if (body.reference_id != null && known === undefined) return failure(404, 'Reference not found');
  const audio = audioFixture(output.format, sampleRate, speechMilliseconds([...text].length, speed));
  const wire =
    output.format === 'WAV'
      ? Buffer.concat([wavHeaderFixture(sampleRate, DATA_BYTES, RIFF_BYTES), audio.subarray(44)])
      : audio;
  return { kind: 'pieces', contentType: output.contentType, pieces: piecesOf(wire, PIECE_BYTES) };
}

function voicesPage(request: StubRequest): StubAnswer {
  const [fault] = documentedFaults('fish-audio.json', '/model', request);
  if (fault !== undefined) return invalid(['query'], fault);
  const size = Number(request.query.get('page_size') ?? 10);
  const from = (Number(request.query.get('page_number') ?? 1) - 1) * size;
  const own = request.query.get('self') === 'true';
  const all: readonly unknown[] = own ? FISH_AUDIO_OWN_VOICES : FISH_AUDIO_PUBLIC_VOICES;
  const body = own
    ? { total: all.length, items: all.slice(from, from + size) }
    : { total: 200_000, items: all.slice(from, from + size), window_limited: true, max_offset: MAX_OFFSET };
  return { kind: 'json', status: 200, body };
}

function failure(status: number, message: string): StubAnswer {
  return { kind: 'json', status, body: { message, status } };
}

function invalid(loc: readonly string[], msg: string): StubAnswer {
  return { kind: 'json', status: 422, body: [{ loc, type: 'value_error', msg, ctx: {}, in: 'body' }] };
}
