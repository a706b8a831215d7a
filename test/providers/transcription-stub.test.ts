import { openApiDocument } from '../support/openapi';
import { type ProviderStub, startProviderStub } from '../support/provider-stub';
import { RECORDING } from '../support/transcription-call';

let stub: ProviderStub;
beforeAll(async () => {
  stub = await startProviderStub();
});
afterAll(() => stub.close());

const BEARER = { authorization: 'Bearer key' };
const CARTESIA = { ...BEARER, 'cartesia-version': '2026-08-14' };
const ELEVENLABS = { 'xi-api-key': 'key' };

interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  readonly fileField?: string;
  readonly fileName?: string;
  readonly bytes?: Buffer;
}

async function send({ path, headers, fields, fileField = 'file', fileName = 'a.wav', bytes = RECORDING }: Sent) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name.replace(/#\d$/, ''), value);
  form.append(fileField, new Blob([new Uint8Array(bytes)], { type: 'audio/wav' }), fileName);
  const response = await fetch(stub.url + path, { method: 'POST', headers, body: form });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const openAi = (fields: Sent['fields'], more: Partial<Sent> = {}): Sent => {
  return { path: '/v1/audio/transcriptions', headers: BEARER, fields, ...more };
};
const groq = (fields: Sent['fields'], more: Partial<Sent> = {}): Sent => {
  return { path: '/openai/v1/audio/transcriptions', headers: BEARER, fields, ...more };
};
const WHISPER = { model: 'whisper-1' };
const TURBO = { model: 'whisper-large-v3-turbo' };
const large = (megabytes: number): Buffer => Buffer.concat([RECORDING, Buffer.alloc(megabytes * 1_000_000)]);

describe('the stand-ins refuse what the documents refuse', () => {
  it.each<[string, Sent, number]>([
    ['OpenAI: more than 25 MiB', openAi(WHISPER, { bytes: large(27) }), 413],
    ['OpenAI: a name without a known extension', openAi(WHISPER, { fileName: 'a.aac' }), 400],
    [
      'OpenAI: times from a model that has none',
      openAi({ model: 'gpt-transcribe', 'timestamp_granularities[]': 'word' }),
      400,
    ],
    [
      'OpenAI: a form of answer that a model has not',
      openAi({ model: 'gpt-transcribe', response_format: 'verbose_json' }),
      400,
    ],
    ['OpenAI: the single language for the model with a list', openAi({ model: 'gpt-transcribe', language: 'en' }), 400],
    ['OpenAI: a prompt for the diarizing model', openAi({ model: 'gpt-4o-transcribe-diarize', prompt: 'a' }), 400],
    ['OpenAI: an unknown model', openAi({ model: 'whisper-9' }), 404],
    ['Groq: more than 25 MB', groq(TURBO, { bytes: large(25) }), 413],
    ['Groq: times without the long form', groq({ ...TURBO, 'timestamp_granularities[]': 'word' }), 400],
    ['Groq: an unknown model', groq({ model: 'whisper-1' }), 404],
    [
      'Mistral: a language with timestamps',
      openAi({ model: 'voxtral-mini-2602', language: 'en', timestamp_granularities: 'word' }),
      400,
    ],
    ['Mistral: a retired model', openAi({ model: 'voxtral-mini-2507' }), 400],
    [
      'Fish Audio: more than 20 MB',
      { path: '/v1/asr', headers: BEARER, fields: {}, fileField: 'audio', bytes: large(20) },
      400,
    ],
    ['Cartesia: a live model', { path: '/stt', headers: CARTESIA, fields: { model: 'ink-2' } }, 400],
    ['Cartesia: no version', { path: '/stt', headers: BEARER, fields: { model: 'ink-whisper' } }, 400],
    [
      'ElevenLabs: a model that is gone',
      { path: '/v1/speech-to-text', headers: ELEVENLABS, fields: { model_id: 'scribe_v1' } },
      400,
    ],
  ])('%s', async (_name, sent, status) => {
    expect((await send(sent)).status).toBe(status);
  });
});

const describeWithDocuments = openApiDocument('openai.yaml') === null ? describe.skip : describe;
describeWithDocuments('against the OpenAPI files of the providers (skipped where PROVIDER_SPECS_DIR has none)', () => {
  it.each<[string, Sent, string, string]>([
    ['json', openAi({ model: 'gpt-transcribe' }), 'openai.yaml', 'CreateTranscriptionResponseJson'],
    ['json by tokens', openAi({ model: 'gpt-4o-transcribe' }), 'openai.yaml', 'CreateTranscriptionResponseJson'],
    [
      'diarized_json',
      openAi({ model: 'gpt-4o-transcribe-diarize', response_format: 'diarized_json' }),
      'openai.yaml',
      'CreateTranscriptionResponseDiarizedJson',
    ],
    ['an error of OpenAI', openAi({ model: 'x' }), 'openai.yaml', 'ErrorResponse'],
    [
      'a transcript of ElevenLabs',
      { path: '/v1/speech-to-text', headers: ELEVENLABS, fields: { model_id: 'scribe_v2', diarize: 'true' } },
      'elevenlabs.json',
      'SpeechToTextChunkResponseModel',
    ],
    [
      'a validation of ElevenLabs',
      { path: '/v1/speech-to-text', headers: ELEVENLABS, fields: {} },
      'elevenlabs.json',
      'HTTPValidationError',
    ],
    [
      'a transcript of Cartesia',
      { path: '/stt', headers: CARTESIA, fields: { model: 'ink-whisper', 'timestamp_granularities[]': 'word' } },
      'cartesia.yaml',
      'TranscriptionResponse',
    ],
    [
      'a transcript of Mistral',
      openAi({ model: 'voxtral-mini-2602', timestamp_granularities: 'segment', diarize: 'true' }),
      'mistral.yaml',
      'TranscriptionResponse',
    ],
  ])('%s is in the documented form', async (_name, sent, file, schema) => {
    expect(openApiDocument(file)!.schemaFaults(schema, (await send(sent)).body)).toEqual([]);
  });

  it('a field that no document knows is refused by each stand-in', async () => {
    const forms: readonly Sent[] = [
      openAi({ model: 'gpt-transcribe', mood: 'good' }),
      openAi({ model: 'voxtral-mini-2602', mood: 'good' }),
      groq({ ...TURBO, mood: 'good' }),
      { path: '/v1/speech-to-text', headers: ELEVENLABS, fields: { model_id: 'scribe_v2', mood: 'good' } },
      { path: '/v1/asr', headers: BEARER, fields: { mood: 'good' }, fileField: 'audio' },
      { path: '/stt', headers: CARTESIA, fields: { model: 'ink-whisper', mood: 'good' } },
    ];
    for (const sent of forms) {
      const { status, body } = await send(sent);
      expect([400, 422]).toContain(status);
      expect(JSON.stringify(body)).toContain('mood');
    }
    const deepgram = await fetch(`${stub.url}/v1/listen?model=nova-3&mood=good`, {
      method: 'POST',
      headers: { authorization: 'Token key', 'content-type': 'audio/wav' },
      body: new Uint8Array(RECORDING),
    });
    expect(deepgram.status).toBe(400);
  });
});
