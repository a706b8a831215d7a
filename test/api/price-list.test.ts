import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { formatCredits, micro } from '../../src/lib/credits';
import { audioFixture } from '../support/audio-fixtures';
import { ProviderStub } from '../support/provider-stub';
import { startTestServer, type TestServer } from '../support/test-server';

/**
 * The published price list, written down once more and by hand: one line for each provider and capability. Speech in
 * credits for 1,000 characters, transcription for a minute, language models for 1,000 tokens in and out.
 */
const SPEECH: readonly (readonly [provider: string, per1000: number])[] = [
  ['cartesia', 78],
  ['elevenlabs', 166],
  ['deepgram', 30],
  ['fish-audio', 10],
  ['resemble-ai', 120],
  ['inworld', 80],
  ['chatterbox', 6],
  ['pocket-tts', 2],
  ['kokoro', 4],
  ['qwen-tts', 4],
  ['local', 1],
];
const TRANSCRIPTION: readonly (readonly [provider: string, model: string | null, perMinute: number])[] = [
  ['openai', 'whisper-1', 12],
  ['openai', 'gpt-transcribe', 12],
  ['deepgram', null, 9],
  ['elevenlabs', null, 6],
  ['fish-audio', null, 8],
  ['cartesia', null, 10],
  ['mistral', null, 8],
  ['groq', null, 2],
];
/** What a provider no longer serves is served by its successor, at the same price. */
const LANGUAGE_MODELS: readonly (readonly [provider: string, model: string, input: number, output: number])[] = [
  ['openai', 'gpt-5.2', 5, 20],
  ['openai', 'gpt-4.1', 4, 16],
  ['openai', 'gpt-4.1-mini', 1, 3],
  ['openai', 'gpt-4.1-nano', 1, 1],
  ['anthropic', 'claude-sonnet-4', 6, 30],
  ['anthropic', 'claude-haiku-3.5', 2, 8],
  ['groq', 'llama-4-maverick', 1, 2],
  ['groq', 'llama-4-scout', 1, 1],
];

const TEXT = 'Every good price is known before the call. '.repeat(3).trim();
const CHARACTERS = 128;
const AUDIO_MILLISECONDS = 61_500;
const AUDIO = audioFixture('WAV', 8_000, AUDIO_MILLISECONDS).toString('base64');

const USAGE = 'usage { status credits model characters audioMilliseconds inputTokens outputTokens }';
const SPEAK = `mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { ${USAGE} } }`;
const TRANSCRIBE = `mutation ($input: TranscribeInput!) { transcribe(input: $input) { ${USAGE} } }`;
const CHAT = `mutation ($input: ChatInput!) { chat(input: $input) { ${USAGE} } }`;

interface Usage {
  readonly status: string;
  readonly credits: string;
  readonly model: string;
  readonly characters: number;
  readonly audioMilliseconds: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const KEYED = [
  'CARTESIA',
  'ELEVENLABS',
  'DEEPGRAM',
  'FISH_AUDIO',
  'RESEMBLE_AI',
  'INWORLD',
  'QWEN_TTS',
  'OPENAI',
  'MISTRAL',
  'GROQ',
  'ANTHROPIC',
];
/** Servers that people run themselves; their paths meet with those of others. */
const SELF_HOSTED = ['chatterbox', 'pocket-tts', 'xtts'];

const stubs: ProviderStub[] = [];
const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-prices-'));
let env: Record<string, string>;
beforeAll(async () => {
  const shared = new ProviderStub();
  const own = SELF_HOSTED.map((only) => new ProviderStub({ only }));
  stubs.push(shared, ...own);
  for (const stub of stubs) await stub.listen();
  env = Object.fromEntries([
    ...KEYED.flatMap((name) => [
      [`${name}_BASE_URL`, shared.url],
      [`${name}_API_KEY`, 'stub-key'],
    ]),
    ['KOKORO_BASE_URL', shared.url],
    ...SELF_HOSTED.map((id, place) => [`${id.toUpperCase().replaceAll('-', '_')}_BASE_URL`, own[place]!.url]),
    ['XTTS_COMMERCIAL_USE', 'confirmed'],
  ]);
});
afterAll(async () => {
  for (const stub of stubs) await stub.close();
  rmSync(directory, { recursive: true, force: true });
});

const calls = (): number => stubs.reduce((sum, stub) => sum + stub.calls, 0);

interface Rate {
  readonly capability: string;
  readonly provider: string | null;
  readonly credits: string;
}

/** The default book with its rates changed. */
function bookWith(name: string, change: (rates: readonly Rate[]) => readonly Rate[]): string {
  const book = JSON.parse(
    readFileSync(path.join(__dirname, '..', '..', 'src', 'metering', 'price-books', 'default.json'), 'utf8'),
  ) as { version: string; rates: Rate[] };
  const file = path.join(directory, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...book, version: name, rates: change(book.rates) }));
  return file;
}

async function startWith(book: string | undefined): Promise<TestServer> {
  // Enterprise has no price of its own, Scale all that a list of calls needs.
  const server = await startTestServer({ plan: 'scale', env: { ...env, ...(book && { PRICE_BOOK: book }) } });
  await server.grant(server.client.workspaceId, '1000000');
  return server;
}

async function ask(server: TestServer, query: string, input: Record<string, unknown>) {
  const answer = await server.client.graphql<Record<string, { usage: Usage }>>(query, { input });
  return { code: answer.code, errors: answer.errors, usage: answer.data && Object.values(answer.data)[0]?.usage };
}

const speak = (server: TestServer, provider: string, quality?: string) =>
  ask(server, SPEAK, { text: TEXT, provider, ...(quality && { quality }) });
const transcribe = (server: TestServer, provider: string, model: string | null) =>
  ask(server, TRANSCRIBE, { audio: { base64: AUDIO }, provider, ...(model && { model }) });
const chat = (server: TestServer, provider: string, model: string) =>
  ask(server, CHAT, {
    messages: [{ role: 'USER', content: 'Say the price.' }],
    provider,
    model,
    routing: { allowSuccessor: true },
  });

/** Exact, rounded up once to a whole micro-credit. */
const credits = (units: number, rate: number, per: number): string =>
  formatCredits(micro((BigInt(units) * BigInt(rate) * 1_000_000n + BigInt(per) - 1n) / BigInt(per)));

describe('each call of the price list costs exactly what is listed', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startWith(undefined);
  });
  afterAll(() => server?.close());

  it.each(SPEECH)('speech by %s: %d credits for 1,000 characters', async (provider, per1000) => {
    const { errors, usage } = await speak(server, provider);
    expect(errors).toBeUndefined();
    expect(usage).toMatchObject({
      status: 'SUCCEEDED',
      characters: CHARACTERS,
      credits: credits(CHARACTERS, per1000, 1_000),
    });
  });

  it.each([
    ['elevenlabs', 1_234, '204.844'],
    ['deepgram', 1, '0.03'],
  ])('%s, %d characters: %s credits', async (provider, characters, expected) => {
    const { usage } = await ask(server, SPEAK, { text: 'a'.repeat(characters), provider });
    expect(usage).toMatchObject({ status: 'SUCCEEDED', characters, credits: expected });
  });

  it.each(TRANSCRIPTION)('transcription by %s, model %s: %d credits a minute', async (provider, model, perMinute) => {
    const { errors, usage } = await transcribe(server, provider, model);
    expect(errors).toBeUndefined();
    expect(usage).toMatchObject({
      status: 'SUCCEEDED',
      audioMilliseconds: AUDIO_MILLISECONDS,
      credits: credits(AUDIO_MILLISECONDS, perMinute, 60_000),
    });
  });

  it.each(LANGUAGE_MODELS)(
    '%s/%s: %d credits for 1,000 tokens in, %d for 1,000 out',
    async (provider, model, input, output) => {
      const { errors, usage } = await chat(server, provider, model);
      expect(errors).toBeUndefined();
      const { inputTokens, outputTokens } = usage!;
      expect(inputTokens).toBeGreaterThan(8);
      expect(outputTokens).toBe('You said: Say the price.'.split(' ').length);
      expect(usage).toMatchObject({
        status: 'SUCCEEDED',
        credits: credits(inputTokens * input + outputTokens * output, 1, 1_000),
      });
    },
  );

  it.each([
    ['STANDARD', 6],
    ['PREMIUM', 12],
    ['ULTRA', 24],
  ] as const)(
    'XTTS, %s: the plan’s allowance first, then %d credits for 1,000 characters',
    async (quality, per1000) => {
      const listed = (
        await server.anonymous.data<{ rateCard: { rates: (Rate & { quality: string })[] } }>(
          '{ rateCard { rates { capability provider quality credits } } }',
        )
      ).rateCard.rates.filter((rate) => rate.provider === 'xtts' && rate.quality === quality);
      expect(listed.map((rate) => rate.credits)).toEqual([String(per1000)]);
      expect(await speak(server, 'xtts', quality)).toMatchObject({ usage: { credits: '0', characters: CHARACTERS } });
      await server.database.query(
        'UPDATE accounts SET allowance_used = allowance_limit - allowance_held WHERE workspace_id = $1',
        [server.client.workspaceId],
      );
      expect(await speak(server, 'xtts', quality)).toMatchObject({
        usage: { credits: credits(CHARACTERS, per1000, 1_000) },
      });
      await server.database.query('UPDATE accounts SET allowance_used = 0 WHERE workspace_id = $1', [
        server.client.workspaceId,
      ]);
    },
  );
});

/** Every line of the list as a call. */
const ALL: readonly (readonly [name: string, call: (server: TestServer) => ReturnType<typeof ask>])[] = [
  ...SPEECH.map(([provider]) => [`speech by ${provider}`, (server: TestServer) => speak(server, provider)] as const),
  ['speech by xtts', (server) => speak(server, 'xtts', 'PREMIUM')],
  ...TRANSCRIPTION.map(
    ([provider, model]) =>
      [
        `transcription by ${provider}${model ? `/${model}` : ''}`,
        (server: TestServer) => transcribe(server, provider, model),
      ] as const,
  ),
  ...LANGUAGE_MODELS.map(
    ([provider, model]) => [`${provider}/${model}`, (server: TestServer) => chat(server, provider, model)] as const,
  ),
];

describe('a rate that is missing refuses the call, and nobody is asked', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startWith(
      bookWith('without-rates', (rates) => rates.filter(({ capability }) => capability === 'RETRIEVAL')),
    );
  });
  afterAll(() => server?.close());

  it.each(ALL)('%s', async (_name, call) => {
    const before = calls();
    expect(await call(server)).toMatchObject({ code: 'PRICE_NOT_CONFIGURED' });
    expect(calls()).toBe(before);
  });
});

describe('a rate of 0 is served for nothing', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startWith(bookWith('at-no-charge', (rates) => rates.map((rate) => ({ ...rate, credits: '0' }))));
  });
  afterAll(() => server?.close());

  it.each(ALL)('%s', async (_name, call) => {
    expect(await call(server)).toMatchObject({ usage: { status: 'SUCCEEDED', credits: '0' } });
  });
});

it('no line of the price book is missing from this list', () => {
  const book = JSON.parse(
    readFileSync(path.join(__dirname, '..', '..', 'src', 'metering', 'price-books', 'default.json'), 'utf8'),
  ) as { rates: Rate[] };
  const listed = new Set([
    ...SPEECH.map(([provider]) => `TEXT_TO_SPEECH ${provider}`),
    'TEXT_TO_SPEECH xtts',
    ...TRANSCRIPTION.map(([provider]) => `SPEECH_TO_TEXT ${provider}`),
    ...LANGUAGE_MODELS.map(([provider]) => `LANGUAGE_MODEL ${provider}`),
  ]);
  const priced = book.rates
    .filter(({ capability }) => capability !== 'RETRIEVAL' && capability !== 'EMBEDDING')
    .map(({ capability, provider }) => `${capability} ${provider}`);
  expect(new Set(priced)).toEqual(listed);
});
