import { randomUUID } from 'node:crypto';
import type { AudioFormat } from '../../../providers/contract/audio';
import { acceptedKey, documentedFaults } from './documented';
import { type StubAnswer, type StubRequest, speechMilliseconds } from './requests';

const CHARACTERS_MAX = 2_000;
/** In every list of voices, and never served. */
const NEVER_SERVED = 'aura-2-perseo-it';

/** What an encoding takes, in the wording of the media output settings; a parameter that it has not is refused. */
const ENCODINGS: Readonly<
  Record<string, { format: AudioFormat; containers: readonly string[]; sampleRates: readonly number[]; fixed?: true }>
> = {
  linear16: { format: 'PCM', containers: ['wav', 'none'], sampleRates: [24000, 8000, 16000, 32000, 48000] },
  mulaw: { format: 'MULAW', containers: ['wav', 'none'], sampleRates: [8000, 16000] },
  mp3: { format: 'MP3', containers: [], sampleRates: [22050], fixed: true },
  opus: { format: 'OGG_OPUS', containers: ['ogg'], sampleRates: [48000], fixed: true },
  flac: { format: 'FLAC', containers: [], sampleRates: [48000, 8000, 16000, 22050, 32000] },
};

export const DEEPGRAM_VOICES = [
  voice('aura-2-thalia-en', 'thalia', ['en', 'en-US'], 'American', ['feminine', 'clear']),
  voice('aura-2-viktoria-de', 'viktoria', ['de', 'de-DE'], 'German', ['feminine']),
  voice('aura-2-hector-fr', 'hector', ['fr'], 'French', ['masculine']),
  voice('aura-asteria-en', 'asteria', ['en'], 'American', ['feminine']),
  voice('flux-alexis-en', 'alexis', ['en'], null, []),
];

function voice(id: string, name: string, languages: readonly string[], accent: string | null, tags: readonly string[]) {
  return {
    name,
    canonical_name: id,
    architecture: id
      .split('-')
      .slice(0, id.startsWith('aura-2') ? 2 : 1)
      .join('-'),
    languages,
    version: '2026-01-01.0',
    uuid: '268e1f6c-8a8a-4c3b-9a3d-0f6a4c7e2d11',
    metadata: {
      ...(accent === null ? {} : { accent }),
      age: 'Adult',
      color: '#ffffff',
      image: `https://static.example/${name}.png`,
      sample: `https://static.example/${name}.wav`,
      tags,
      use_cases: ['Narration'],
    },
  };
}

/** Answers as the two speech operations and the models operation of Deepgram are documented to. */
export function answerAsDeepgram(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Token', refusedKeys) === null) {
    return {
      kind: 'json',
      status: 401,
      body: {
        category: 'INVALID_AUTH',
        message: 'Invalid credentials.',
        details: 'Check the API key.',
        request_id: randomUUID(),
      },
    };
  }
  if (request.operation !== 'voices') return speech(request, request.path === '/v2/speak');
  const stt = [{ name: 'general', canonical_name: 'nova-3', architecture: 'nova-3', languages: ['en'], batch: true }];
  return { kind: 'json', status: 200, body: { stt, tts: DEEPGRAM_VOICES } };
}

function speech(request: StubRequest, flux: boolean): StubAnswer {
  const { query } = request;
  const template = flux ? '/v2/speak' : '/v1/speak';
  // The file predates `speed` there; the provider's own clients have it.
  const faults = documentedFaults('deepgram.yaml', template, request).filter(
    (fault) => !(flux && fault === 'query speed: unknown'),
  );
  if (faults.length > 0) return refusal(400, 'INVALID_QUERY_PARAMETER', faults[0]!);
  const model = query.get('model') ?? 'aura-asteria-en';
  if (model.startsWith('flux-') !== flux || model === NEVER_SERVED) {
    return refusal(400, 'INVALID_QUERY_PARAMETER', `No such model/version combination found: ${model}.`);
  }
  const { text } = request.json as { text: string };
  if (text.trim() === '') return refusal(400, 'PAYLOAD_ERROR', 'The text is empty.');
  if ([...text].length > CHARACTERS_MAX) {
    return refusal(413, 'Payload Too Large', `Input text exceeds maximum character limit of ${CHARACTERS_MAX}.`);
  }
  const encoding = query.get('encoding') ?? 'mp3';
  const output = ENCODINGS[encoding];
  if (output === undefined) return refusal(400, 'Bad Request', `The stand-in does not make ${encoding}.`);
  const container = query.get('container') ?? output.containers[0];
  const chosenRate = query.get('sample_rate');
  if (query.has('container') && !output.containers.includes(container!)) {
    return refusal(400, 'Bad Request', `container=${container} does not go with encoding=${encoding}.`);
  }
  if (chosenRate !== null && (output.fixed === true || !output.sampleRates.includes(Number(chosenRate)))) {
    return refusal(400, 'Bad Request', `sample_rate=${chosenRate} does not go with encoding=${encoding}.`);
  }
  const speed = Number(query.get('speed') ?? 1);
  const stepped = Math.abs(speed * 20 - Math.round(speed * 20)) < 1e-9;
  if (!(speed >= (flux ? 0.5 : 0.7) && speed <= 1.5) || (flux && !stepped)) {
    return refusal(400, 'INVALID_QUERY_PARAMETER', 'speed is out of range.');
  }
  const sampleRate = Number(chosenRate ?? output.sampleRates[0]);
  const format = container === 'wav' && encoding === 'linear16' ? 'WAV' : output.format;
  const requestId = randomUUID();
  const characters = String([...text].length);
  return {
    kind: 'audio',
    format,
    sampleRate,
    contentType: contentTypeOf(format, sampleRate),
    milliseconds: speechMilliseconds([...text].length, speed),
    streamed: true,
    headers: model.startsWith('aura-2-')
      ? { 'x-dg-request-id': requestId, 'x-dg-model-name': model, 'x-dg-characters': characters }
      : { 'dg-request-id': requestId, 'dg-model-name': model, 'dg-char-count': characters },
  };
}

function contentTypeOf(format: AudioFormat, sampleRate: number): string {
  switch (format) {
    case 'MP3':
      return 'audio/mpeg';
    case 'WAV':
      return 'audio/wav';
    case 'OGG_OPUS':
      return 'audio/ogg;codecs=opus';
    case 'FLAC':
      return 'audio/flac';
    case 'PCM':
      return `audio/l16;rate=${sampleRate}`;
    case 'MULAW':
      return `audio/mulaw;rate=${sampleRate}`;
  }
}

function refusal(status: number, code: string, message: string): StubAnswer {
  return { kind: 'json', status, body: { err_code: code, err_msg: message, request_id: randomUUID() } };
}
