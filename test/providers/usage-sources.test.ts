import { inspect } from 'node:util';
import { ProviderError } from '../../providers/contract/errors';
import type { UsageSource } from '../../providers/contract/usage';
import { createUsageSources } from '../../providers/registry';
import { openApiDocument } from '../support/openapi';
import { type ProviderStub, startProviderStub } from '../support/provider-stub';

const KEYS: Readonly<Record<string, string>> = {
  openai: 'sk-admin-canary-0001',
  anthropic: 'sk-ant-admin-canary-0002',
  elevenlabs: 'canary-0003',
  deepgram: 'canary-0004',
  cartesia: 'sk_car_admin_canary-0005',
  mistral: 'admin-canary-0006',
  'resemble-ai': 'canary-0007',
};
const IDS = Object.keys(KEYS);
/** Two days of a month; Mistral counts the whole of it. */
const SPAN = { start: new Date('2025-05-30T00:00:00Z'), end: new Date('2025-06-01T00:00:00Z') };
const at = (text: string): number => Date.parse(`2025-05-${text}Z`);

let stub: ProviderStub;
let sources: Map<string, UsageSource>;

function open(keys: (id: string) => { apiKey?: string; adminKey?: string }): Map<string, UsageSource> {
  return createUsageSources(Object.fromEntries(IDS.map((id) => [id, { baseUrl: stub.url, ...keys(id) }])));
}

const call = (signal = new AbortController().signal) => ({ signal });

async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error = await work.then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(ProviderError);
  return error as ProviderError;
}

/** Whatever a source tells first. */
const ask = (source: UsageSource, signal?: AbortSignal): Promise<unknown> =>
  source.tellsSums ? source.sums(SPAN, call(signal)) : source.requests(SPAN, call(signal));

beforeAll(async () => {
  stub = await startProviderStub();
  sources = open((id) => ({ adminKey: KEYS[id]! }));
});
afterEach(() => {
  stub.fault(null);
  stub.usage.pageMax = Number.POSITIVE_INFINITY;
});
afterAll(async () => {
  await Promise.all([...sources.values()].map((source) => source.close()));
  await stub.close();
});

test('every provider with an endpoint of usage is asked in the way that its documents say', async () => {
  for (const source of sources.values()) await ask(source);
  expect([...sources.keys()]).toEqual(expect.arrayContaining(IDS));
  expect(sources.size).toBe(IDS.length);
});

test('OpenAI: seconds and tokens by the day, of every result, whatever the pages', async () => {
  stub.usage.openAi.push(
    { date: '2025-05-29', endpoint: 'completions', result: { input_tokens: 1, output_tokens: 1 } },
    { date: '2025-05-30', endpoint: 'completions', result: { input_tokens: 1_500, output_tokens: 321 } },
    { date: '2025-05-31', endpoint: 'completions', result: { input_tokens: 10, output_tokens: 20 } },
    { date: '2025-05-31', endpoint: 'completions', result: { input_tokens: 5, output_tokens: 6 } },
    { date: '2025-05-31', endpoint: 'audio_transcriptions', result: { seconds: 62 } },
  );
  for (const pageMax of [1, 31]) {
    stub.usage.pageMax = pageMax;
    expect(await sources.get('openai')!.sums(SPAN, call())).toEqual([
      { date: '2025-05-31', unit: 'AUDIO_SECOND', quantity: 62 },
      { date: '2025-05-30', unit: 'INPUT_TOKEN', quantity: 1_500 },
      { date: '2025-05-30', unit: 'OUTPUT_TOKEN', quantity: 321 },
      { date: '2025-05-31', unit: 'INPUT_TOKEN', quantity: 10 },
      { date: '2025-05-31', unit: 'OUTPUT_TOKEN', quantity: 20 },
      { date: '2025-05-31', unit: 'INPUT_TOKEN', quantity: 5 },
      { date: '2025-05-31', unit: 'OUTPUT_TOKEN', quantity: 6 },
    ]);
  }
});

test('Anthropic: input tokens are those that were cached too, and the last day is there', async () => {
  const result = {
    uncached_input_tokens: 1_500,
    cache_creation: { ephemeral_1h_input_tokens: 1_000, ephemeral_5m_input_tokens: 500 },
    cache_read_input_tokens: 200,
    output_tokens: 500,
  };
  stub.usage.anthropic.push({ date: '2025-05-31', result }, { date: '2025-06-01', result });
  stub.usage.pageMax = 1;
  expect(await sources.get('anthropic')!.sums(SPAN, call())).toEqual([
    { date: '2025-05-31', unit: 'INPUT_TOKEN', quantity: 3_200 },
    { date: '2025-05-31', unit: 'OUTPUT_TOKEN', quantity: 500 },
  ]);
});

test('ElevenLabs: requests with what was billed and the characters of the text', async () => {
  stub.usage.elevenLabs.push(
    { requestId: 'r1', at: at('30T00:00:00'), model: 'eleven_flash_v2_5', text: ' Grüße ', billed: 3 },
    { requestId: null, at: at('31T23:59:59'), model: 'eleven_v3', text: 'x', billed: 1 },
    { requestId: 'early', at: at('29T23:59:59'), model: 'eleven_v3', text: 'x', billed: 1 },
  );
  stub.usage.pageMax = 1;
  const listed = await sources.get('elevenlabs')!.requests(SPAN, call());
  expect([...listed.values()]).toEqual([
    expect.objectContaining({ id: 'history:item-1', quantity: 1 }),
    {
      id: 'r1',
      at: at('30T00:00:00'),
      capability: 'TEXT_TO_SPEECH',
      model: 'eleven_flash_v2_5',
      quantity: 3,
      asked: 5,
    },
  ]);
});

test('Deepgram: sums of speech and recordings of every project, and their requests', async () => {
  const project = { days: [], requests: [] } as never as NonNullable<ReturnType<typeof stub.usage.deepgram.get>>;
  stub.usage.deepgram.set('project-2', project);
  project.days.push(
    { date: '2025-05-31', endpoint: 'speak', hours: 0, characters: 120 },
    { date: '2025-05-31', endpoint: 'listen', hours: 61.5 / 3_600, characters: 0 },
    { date: '2025-05-31', endpoint: 'agent', hours: 5, characters: 5 },
    { date: '2025-06-01', endpoint: 'speak', hours: 0, characters: 1 },
  );
  const deepgram = sources.get('deepgram')!;
  expect(await deepgram.sums(SPAN, call())).toEqual([
    { date: '2025-05-31', unit: 'CHARACTER', quantity: 120 },
    { date: '2025-05-31', unit: 'AUDIO_SECOND', quantity: 61.5 },
  ]);
  project.requests.push(
    { id: 'a', at: at('30T10:00:00'), path: '/v1/speak?model=aura-2-thalia-en', details: { characters: 12 } },
    { id: 'b', at: at('30T11:00:00'), path: '/v1/listen?model=nova-3', details: { duration: 25.933313 } },
    { id: 'c', at: at('30T12:00:00'), path: '/v1/listen' },
    { id: 'd', at: at('30T13:00:00'), path: '/v1/speak?model=aura-2-thalia-en', failed: true },
    { id: 'e', at: at('30T14:00:00'), path: '/v1/read' },
  );
  expect([...(await deepgram.requests(SPAN, call())).values()]).toEqual([
    { id: 'c', at: at('30T12:00:00'), capability: 'SPEECH_TO_TEXT', model: null, quantity: null },
    { id: 'b', at: at('30T11:00:00'), capability: 'SPEECH_TO_TEXT', model: 'nova-3', quantity: 25.933313 },
    { id: 'a', at: at('30T10:00:00'), capability: 'TEXT_TO_SPEECH', model: 'aura-2', quantity: 12 },
  ]);
});

test('a list of more than a page of requests is read to its end, each of them once', async () => {
  const requests = stub.usage.deepgram.get('project-1')!.requests;
  for (let index = 0; index < 2_345; index++) {
    requests.push({
      id: `many-${index}`,
      at: at('31T10:00:00') + index,
      path: '/v1/speak',
      details: { characters: 1 },
    });
  }
  const pages: number[] = [];
  const listed = await sources
    .get('deepgram')!
    .requests(SPAN, { signal: new AbortController().signal, onPage: (page) => pages.push(page) });
  expect([...listed.keys()].filter((id) => id.startsWith('many-'))).toHaveLength(2_345);
  expect(pages).toEqual([1, 2, 3, 1]);
});

test('Cartesia tells credits by the day, Mistral seconds by the month, Resemble AI seconds of each day', async () => {
  stub.usage.cartesia.push({ date: '2025-05-30', credits: 77 }, { date: '2025-06-01', credits: 1 });
  expect(await sources.get('cartesia')!.sums(SPAN, call())).toEqual([
    { date: '2025-05-30', unit: 'CHARACTER', quantity: 77 },
    { date: '2025-05-31', unit: 'CHARACTER', quantity: 0 },
  ]);
  stub.usage.mistral.set('2025-12', [100, 23]).set('2026-01', [7]);
  const months = { start: new Date('2025-12-01T00:00:00Z'), end: new Date('2026-02-01T00:00:00Z') };
  expect(await sources.get('mistral')!.sums(months, call())).toEqual([
    { date: '2025-12-01', unit: 'AUDIO_SECOND', quantity: 123 },
    { date: '2026-01-01', unit: 'AUDIO_SECOND', quantity: 7 },
  ]);
  stub.usage.resemble.set('2025-05-31', 8_450.2);
  expect(await sources.get('resemble-ai')!.sums(SPAN, call())).toEqual([
    { date: '2025-05-30', unit: 'AUDIO_SECOND', quantity: 0 },
    { date: '2025-05-31', unit: 'AUDIO_SECOND', quantity: 8_450 },
  ]);
});

test.each([
  [
    'openai.yaml',
    'UsageResponse',
    '/v1/organization/usage/completions?start_time=1748563200&bucket_width=1d',
    'openai',
  ],
  [
    'openai.yaml',
    'UsageResponse',
    '/v1/organization/usage/audio_transcriptions?start_time=1748563200&bucket_width=1d',
    'openai',
  ],
  ['elevenlabs.json', 'GetSpeechHistoryResponseModel', '/v1/history', 'elevenlabs'],
  ['deepgram.yaml', 'ListProjectsV1Response', '/v1/projects', 'deepgram'],
  [
    'deepgram.yaml',
    'ListProjectRequestsV1Response',
    '/v1/projects/project-2/requests?start=2025-05-01T00:00:00Z&end=2025-06-01T00:00:00Z',
    'deepgram',
  ],
  [
    'deepgram.yaml',
    'UsageBreakdownV1Response',
    '/v1/projects/project-2/usage/breakdown?start=2025-05-01&end=2025-06-01',
    'deepgram',
  ],
  ['mistral.yaml', 'UsageOUTJSON', '/v1/admin/usage?month=12&year=2025', 'mistral'],
])('%s: the stand-in answers %s as it is documented', async (file, schema, path, id) => {
  const key = KEYS[id]!;
  const authorization = id === 'deepgram' ? `Token ${key}` : `Bearer ${key}`;
  const response = await fetch(stub.url + path, { headers: { authorization, 'xi-api-key': key } });
  expect(response.status).toBe(200);
  const body = (await response.json()) as { requests?: { response: unknown }[] };
  // Documented as an object without any member; what it has held all the same is what is of interest.
  for (const request of body.requests ?? []) request.response = {};
  expect(openApiDocument(file)?.schemaFaults(schema, body) ?? []).toEqual([]);
});

test.each(IDS)('%s: a key that is refused, or opens no records, is UNAUTHORIZED and never quoted', async (id) => {
  const ordinary = open(() => ({ adminKey: 'ordinary-key-canary' })).get(id)!;
  const wanted = sources.get(id)!.declaration.adminKey === 'REQUIRED';
  if (wanted) expect(await failureOf(ask(ordinary))).toMatchObject({ kind: 'UNAUTHORIZED', status: 403 });
  stub.fault(() => ({
    kind: 'answer',
    status: 401,
    body: { message: `the key ${KEYS[id]} is wrong`, error: KEYS[id] },
  }));
  const error = await failureOf(ask(sources.get(id)!));
  expect(error).toMatchObject({ kind: 'UNAUTHORIZED', provider: id });
  expect(inspect(error, { depth: 9 })).not.toContain(KEYS[id]);
  await ordinary.close();
});

test.each(IDS)('%s: without its key it is not configured, and nobody is asked', async (id) => {
  const before = stub.requests.length;
  const required = sources.get(id)!.declaration.adminKey === 'REQUIRED';
  const source = open(() => (required ? { apiKey: 'serves-requests' } : {})).get(id)!;
  expect(source.configured).toBe(false);
  expect(await failureOf(ask(source))).toMatchObject({ kind: 'REJECTED' });
  expect(stub.requests.length).toBe(before);
  await source.close();
});

test('the key that serves requests is enough where the provider takes it, and the admin key goes first', async () => {
  const source = open(() => ({ apiKey: 'serves-requests', adminKey: 'for-records' })).get('elevenlabs')!;
  await ask(source);
  expect(stub.requests.at(-1)!.headers['xi-api-key']).toBe('for-records');
  await source.close();
});

test.each(IDS)('%s: an answer that is not its documented one is REJECTED without a word of it', async (id) => {
  stub.fault(() => ({
    kind: 'answer',
    status: 200,
    body: { secret: 'what was said', data: [{ nothing: 1 }], history: [{}] },
  }));
  const error = await failureOf(ask(sources.get(id)!));
  expect(error).toMatchObject({ kind: 'REJECTED' });
  expect(inspect(error)).not.toContain('what was said');
});
