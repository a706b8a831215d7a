import { createHash } from 'node:crypto';
import defaultBook from '../../src/metering/price-books/default.json';
import { speechMilliseconds } from '../support/provider-stub';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { BookFiles, planRows, rateCardOf, startServerWithBook } from './support/book-servers';
import { expectRefusalWithoutTrace, onlyError, refusalOf, speak, synthesize } from './support/speech-api';

const ALL = 'STANDARD PREMIUM ULTRA';
const PROVIDERS = [
  'cartesia',
  'elevenlabs',
  'deepgram',
  'fish-audio',
  'resemble-ai',
  'inworld',
  'chatterbox',
  'pocket-tts',
  'kokoro',
  'qwen-tts',
  'xtts',
  'local',
];
const characters = (count: number): string => 'a'.repeat(count);
const files = new BookFiles();
afterAll(() => files.remove());

let server: TestServer;
afterEach(() => server?.stub.fault(null));

/** A workspace's characters of this period. */
async function charactersOf(client: TestWorkspace) {
  const { usage } = await client.data<{ usage: { characters: { used: string; limit: string; remaining: string } } }>(
    '{ usage { characters { used limit remaining } } }',
  );
  return usage.characters;
}

describe('the default book', () => {
  beforeAll(async () => {
    server = await startServerWithBook('default', { plan: 'pro', env: { BOOTSTRAP_PLAN: 'pro' } });
  });
  afterAll(() => server.close());

  test('shows the published plans', async () => {
    expect(await planRows(server.anonymous)).toEqual([
      ['free', '0', '2500', 'hard cap', 0, 10_000, 500, 'STANDARD', 10, 2],
      ['starter', '29', '50000', '0.001', 1, 500_000, 5_000, ALL, 60, 10],
      ['pro', '99', '200000', '0.0008', 1, 2_000_000, 5_000, ALL, 120, 25],
      ['scale', '499', '1000000', '0.0006', 2, 10_000_000, 5_000, ALL, 300, 100],
      ['enterprise', null, null, null, 0, null, null, ALL, null, null],
    ]);
  });

  test('shows the published rates', async () => {
    const { version, creditUsd, lines } = await rateCardOf(server.anonymous);
    expect([version, creditUsd]).toEqual(['default-1', '0.001']);
    const speech = { cartesia: 78, elevenlabs: 166, deepgram: 30, 'fish-audio': 10, 'resemble-ai': 120, inworld: 80 };
    const own = { chatterbox: 6, 'pocket-tts': 2, kokoro: 4, 'qwen-tts': 4, local: 1 };
    const qualities = { STANDARD: 6, PREMIUM: 12, ULTRA: 24 };
    const minutes = {
      'openai/whisper-1': 12,
      'openai/gpt-transcribe': 12,
      deepgram: 9,
      elevenlabs: 6,
      'fish-audio': 8,
      cartesia: 10,
      mistral: 8,
      groq: 2,
    };
    const models = {
      'openai/gpt-5.2': [5, 20],
      'openai/gpt-4.1': [4, 16],
      'openai/gpt-4.1-mini': [1, 3],
      'openai/gpt-4.1-nano': [1, 1],
      'openai/gpt-5.6-luna': [1, 1],
      'anthropic/claude-sonnet-4': [6, 30],
      'anthropic/claude-sonnet-5-5': [6, 30],
      'anthropic/claude-haiku-3.5': [2, 8],
      'anthropic/claude-haiku-5-5': [2, 8],
      'groq/llama-4-maverick': [1, 2],
      'groq/gpt-oss-120b': [1, 2],
      'groq/llama-4-scout': [1, 1],
      'groq/qwen3.6-27b': [1, 1],
    };
    const expected = [
      ...Object.entries({ ...speech, ...own }).map(([of, rate]) => `TEXT_TO_SPEECH ${of}: ${rate} per 1000 CHARACTER`),
      ...Object.entries(qualities).map(([of, rate]) => `TEXT_TO_SPEECH xtts ${of}: ${rate} per 1000 CHARACTER`),
      ...Object.entries(minutes).map(([of, rate]) => `SPEECH_TO_TEXT ${of}: ${rate} per 60 AUDIO_SECOND`),
      ...Object.entries(models).flatMap(([of, [input, output]]) => [
        `LANGUAGE_MODEL ${of}: ${input} per 1000 INPUT_TOKEN`,
        `LANGUAGE_MODEL ${of}: ${output} per 1000 OUTPUT_TOKEN`,
      ]),
      'EMBEDDING openai: 0 per 1000 INPUT_TOKEN',
      'EMBEDDING mistral: 0 per 1000 INPUT_TOKEN',
      'RETRIEVAL all: 2 per 1 REQUEST',
      'RETRIEVAL all: 0 per 1000 CHARACTER',
    ];
    expect([...lines].sort()).toEqual(expected.sort());
  });

  test.each([
    ['elevenlabs', 1_234, '204.844'],
    ['kokoro', 1_000, '4'],
    ['kokoro', 1, '0.004'],
    ['local', 1, '0.001'],
  ])('%s, %i characters: %s credits', async (provider, count, credits) => {
    const text = provider === 'local' && count === 1 ? 'A' : characters(count);
    const { usage } = await speak(server.client, { provider, text });
    expect(usage).toMatchObject({ credits, characters: count, inputTokens: Math.ceil(count / 4) });
  });

  test('82 characters are 21 tokens', async () => {
    const { usage } = await speak(server.client, { provider: 'kokoro', text: characters(82) });
    expect(usage).toMatchObject({ inputTokens: 21, billableTokens: 21 });
  });

  test('Free stops hard: what its credits do not cover is refused and nobody is called', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    await expectRefusalWithoutTrace(server, workspace, async () => {
      const answer = await synthesize(workspace, { provider: 'elevenlabs', text: characters(15_061) });
      expect(onlyError(answer).extensions).toMatchObject({
        code: 'INSUFFICIENT_CREDITS',
        required: '2500.126',
        available: '2500',
      });
      return answer;
    });
  });
});

describe('the default book with first-party speech that has no qualities to choose from', () => {
  beforeAll(async () => {
    const rate = {
      capability: 'TEXT_TO_SPEECH',
      provider: 'xtts',
      model: null,
      quality: null,
      unit: 'CHARACTER',
      per: 1_000,
      credits: '6',
    };
    const file = files.write({ ...defaultBook, rates: [...defaultBook.rates, rate] });
    server = await startServerWithBook(file, { plan: 'starter', env: { BOOTSTRAP_PLAN: 'starter' } });
  });
  afterAll(() => server.close());

  test('400 characters of the allowance left, 1,000 characters: 400 and 3.6 credits', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    await server.database.query('UPDATE accounts SET allowance_limit = 400 WHERE workspace_id = $1', [
      workspace.workspaceId,
    ]);
    const { usage } = await speak(workspace, { provider: 'xtts', text: characters(1_000) });
    expect(usage).toMatchObject({ credits: '3.6', characters: 1_000 });
    const other = await speak(workspace, { provider: 'xtts', text: characters(1_000) });
    expect(other.usage).toMatchObject({ credits: '6' });
  });

  test('the allowance pays for first-party speech alone, and its limit of a request holds there alone', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    expect((await speak(workspace, { provider: 'xtts', text: characters(500) })).usage!.credits).toBe('0');
    expect((await speak(workspace, { provider: 'kokoro', text: characters(501) })).usage!.credits).toBe('2.004');
    expect(await charactersOf(workspace)).toMatchObject({ used: '500', limit: '10000', remaining: '9500' });
    const refused = await refusalOf(workspace, { provider: 'xtts', text: characters(501) });
    expect(refused.extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'CHARACTERS_PER_REQUEST',
      max: 500,
      actual: 501,
      plan: 'free',
    });
  });
});

describe('the book of characters alone', () => {
  beforeAll(async () => {
    server = await startServerWithBook('characters');
  });
  afterAll(() => server.close());

  test('shows its plans and rates', async () => {
    expect(await planRows(server.anonymous)).toEqual([
      ['free', '0', '0', 'hard cap', 0, 1_000, 500, 'STANDARD', null, null],
      ['pro', '29', '0', 'hard cap', 0, 500_000, 5_000, ALL, null, null],
    ]);
    const { version, lines } = await rateCardOf(server.anonymous);
    expect(version).toBe('characters-1');
    expect(lines).toEqual(PROVIDERS.map((provider) => `TEXT_TO_SPEECH ${provider}: 0 per 1 CHARACTER`));
  });

  test('1,000 characters on Free, of every voice, then a hard stop that credits cannot lift', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    for (const provider of ['elevenlabs', 'xtts']) {
      const { usage } = await speak(workspace, { provider, text: characters(495) });
      expect(usage).toMatchObject({ credits: '0', costUsd: '0', characters: 495, billableTokens: 124 });
    }
    expect(await charactersOf(workspace)).toMatchObject({ used: '990', limit: '1000', remaining: '10' });
    await server.grant(workspace.workspaceId, '1000');
    await expectRefusalWithoutTrace(server, workspace, async () => {
      const answer = await synthesize(workspace, { provider: 'kokoro', text: characters(11) });
      expect(onlyError(answer).extensions).toMatchObject({
        code: 'INSUFFICIENT_CREDITS',
        required: '11',
        available: '10',
        unit: 'CHARACTER',
      });
      return answer;
    });
    await speak(workspace, { provider: 'kokoro', text: characters(10) });
    expect(await charactersOf(workspace)).toMatchObject({ used: '1000', remaining: '0' });
  });

  test('500 characters a request on Free, 5,000 on Pro', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const refused = await refusalOf(workspace, { provider: 'elevenlabs', text: characters(501) });
    expect(refused.extensions).toMatchObject({ code: 'PLAN_LIMIT', limit: 'CHARACTERS_PER_REQUEST', max: 500 });
    const pro = await server.createWorkspace({ plan: 'pro' });
    const { usage } = await speak(pro, { provider: 'elevenlabs', text: characters(5_000) });
    expect(usage!.credits).toBe('0');
    expect((await refusalOf(pro, { provider: 'elevenlabs', text: characters(5_001) })).extensions.max).toBe(5_000);
  });

  test('what failed gives its characters back', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    server.stub.fault(() => ({ kind: 'answer', status: 422, body: { detail: 'no' } }));
    await refusalOf(workspace, { provider: 'kokoro', text: characters(500) });
    server.stub.fault(null);
    expect(await charactersOf(workspace)).toMatchObject({ used: '0', remaining: '1000' });
  });
});

describe('the book of characters and requests', () => {
  beforeAll(async () => {
    server = await startServerWithBook('characters-and-requests');
  });
  afterAll(() => server.close());

  test('shows its plans and rates, and puts the first workspace on its own default plan', async () => {
    expect(await planRows(server.anonymous)).toEqual([
      ['starter', '0', '0', 'hard cap', 0, 10_000, null, ALL, 10, 2],
      ['pro', '29', '0', 'hard cap', 0, 500_000, null, ALL, 60, 10],
      ['scale', '99', '0', 'hard cap', 0, 2_000_000, null, ALL, 120, 25],
      ['enterprise', null, null, null, 0, null, null, ALL, null, null],
    ]);
    const { version, lines } = await rateCardOf(server.anonymous);
    expect(version).toBe('characters-and-requests-1');
    expect(lines).toEqual(PROVIDERS.map((provider) => `TEXT_TO_SPEECH ${provider}: 0 per 1 CHARACTER`));
    const { workspace } = await server.client.data<{ workspace: unknown }>('{ workspace { plan { id } } }');
    expect(workspace).toEqual({ plan: { id: 'starter' } });
  });

  test('10,000 characters on Starter in one request, and not one more', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { usage } = await speak(workspace, { provider: 'kokoro', text: characters(9_999) });
    expect(usage).toMatchObject({ credits: '0', characters: 9_999 });
    const refused = await refusalOf(workspace, { provider: 'kokoro', text: 'ab' });
    expect(refused.extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', required: '2', available: '1' });
  });

  test.each([
    ['starter', 2, '10'],
    ['pro', 10, '60'],
    ['scale', 25, '120'],
  ])('%s: %i active keys, %s requests a minute', async (plan, keys, requests) => {
    const workspace = await server.createWorkspace({ plan });
    const create = () =>
      workspace.graphql('mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', {
        input: { name: 'further' },
      });
    for (let made = 1; made < keys; made++) expect((await create()).errors).toBeUndefined();
    const refused = await create();
    expect(onlyError(refused).extensions).toMatchObject({ code: 'PLAN_LIMIT', limit: 'API_KEYS', max: keys });
    expect(refused.headers['x-ratelimit-limit']).toBe(requests);
  });

  test('the eleventh request of a minute is refused on Starter', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const fields = (count: number) =>
      Array.from({ length: count }, (_, index) => `f${index}: synthesizeSpeech(input: $input) { replayed }`).join(' ');
    const send = (count: number) =>
      workspace.graphql(`mutation ($input: SynthesizeSpeechInput!) { ${fields(count)} }`, {
        input: { provider: 'kokoro', text: 'a' },
      });
    const refused = await send(11);
    expect([refused.status, refused.code]).toEqual([429, 'RATE_LIMITED']);
    expect((await send(10)).errors).toBeUndefined();
  });
});

describe('the book of seconds of generated audio', () => {
  beforeAll(async () => {
    server = await startServerWithBook('audio-seconds', { firstPartyMsPerCharacterMax: 20 });
  });
  afterAll(() => server.close());
  const topUp = (workspaceId: string, credits: string) =>
    server.admin.data(`mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { grant { expiresAt } } }`, {
      input: {
        workspaceId,
        kind: 'TOP_UP',
        credits,
        reason: 'bought',
        idempotencyKey: createHash('sha256').update(workspaceId).digest('hex'),
      },
    });
  const prepaid = async (credits: string): Promise<TestWorkspace> => {
    const workspace = await server.createWorkspace({ plan: 'prepaid' });
    await topUp(workspace.workspaceId, credits);
    return workspace;
  };
  const remaining = async (client: TestWorkspace) =>
    (await client.data<{ balance: { remaining: string; state: string } }>('{ balance { remaining state } }')).balance;

  test('shows its plan and rates', async () => {
    expect(await planRows(server.anonymous)).toEqual([['prepaid', '0', '0', 'hard cap', 0, 0, null, ALL, null, null]]);
    const { version, creditUsd, lines } = await rateCardOf(server.anonymous);
    expect([version, creditUsd]).toEqual(['audio-seconds-1', '0.001']);
    expect(lines).toEqual(PROVIDERS.map((provider) => `TEXT_TO_SPEECH ${provider}: 1 per 1 AUDIO_SECOND`));
  });

  test('a new workspace has nothing and is served nothing until it is topped up', async () => {
    const workspace = await server.createWorkspace({ plan: 'prepaid' });
    expect(await remaining(workspace)).toEqual({ remaining: '0', state: 'HARD_STOP' });
    const refused = await refusalOf(workspace, { provider: 'kokoro', text: 'Hello there.' });
    expect(refused.extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', required: '12', available: '0' });
    await topUp(workspace.workspaceId, '5000');
    await speak(workspace, { provider: 'kokoro', text: 'Hello there.' });
  });

  test.each(['kokoro', 'elevenlabs'])(
    'charges the length of the audio of %s as it was delivered, and holds the longest that it may be',
    async (provider) => {
      const workspace = await prepaid('5000');
      const text = characters(36);
      const { usage, speech } = await speak(workspace, {
        provider,
        text,
        format: provider === 'kokoro' ? 'WAV' : undefined,
      });
      const milliseconds = usage!.audioMilliseconds;
      expect(milliseconds).toBeGreaterThanOrEqual(speechMilliseconds(36, 1));
      expect(speech.audio!.durationSeconds).toBe(milliseconds / 1000);
      expect(Number(usage!.credits)).toBe(milliseconds / 1000);
      expect(Number(usage!.heldCredits)).toBeGreaterThan(milliseconds / 1000);
      expect((await remaining(workspace)).remaining).toBe(String((5_000_000 - milliseconds) / 1000));
    },
  );

  test('2.18 s are 2.18 credits, of a preset and of a first-party voice from one balance', async () => {
    const workspace = await prepaid('5000');
    // The stand-in speaks 60 ms a character, at this speed 20.
    const { usage } = await speak(workspace, {
      provider: 'kokoro',
      text: characters(109),
      speed: 3,
      format: 'PCM',
    });
    expect(usage).toMatchObject({ audioMilliseconds: 2_180, credits: '2.18', costUsd: '0.00218' });
    const own = await speak(workspace, { provider: 'xtts', text: characters(3), speed: 0.25, format: 'PCM' });
    expect(own.usage).toMatchObject({ credits: '0.24', heldCredits: '0.24' });
    expect((await remaining(workspace)).remaining).toBe('4997.58');
  });

  test('the hold follows the speed, and what the balance cannot hold is refused', async () => {
    const workspace = await prepaid('10');
    expect((await refusalOf(workspace, { provider: 'kokoro', text: characters(11) })).extensions).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      required: '11',
      available: '10',
    });
    const { usage } = await speak(workspace, { provider: 'kokoro', text: characters(11), speed: 2 });
    expect(usage!.heldCredits).toBe('5.5');
  });

  test.each([
    ['PCM', 4_030],
    ['WAV', 4_030],
    ['MP3', 4_150],
    ['FLAC', 4_250],
    // Nothing smaller than a page of Ogg can be left out; those of the stand-in are of 4 s.
    ['OGG_OPUS', 8_000],
  ])('speech that would outlast its hold is ended there: %s, before %i ms of 12,000', async (format, most) => {
    const workspace = await prepaid('5000');
    // Declared are 20 ms a character at most; the stand-in speaks 60.
    const { usage, speech } = await speak(workspace, { provider: 'xtts', text: characters(200), format });
    expect(usage).toMatchObject({ status: 'SUCCEEDED', credits: '4', heldCredits: '4' });
    expect(usage!.audioMilliseconds).toBeGreaterThan(4_000);
    expect(usage!.audioMilliseconds).toBeLessThan(most);
    expect(speech.audio!.durationSeconds).toBe(usage!.audioMilliseconds / 1000);
    expect((await remaining(workspace)).remaining).toBe('4996');
    expect((await server.verifyLedger()).findings).toEqual([]);
  });

  test('a provider that never stops speaking is stopped at the hold', async () => {
    const workspace = await prepaid('5000');
    server.stub.fault(() => ({ kind: 'endless' }));
    const { usage } = await speak(workspace, { provider: 'xtts', text: characters(200), format: 'MP3' });
    expect(usage).toMatchObject({ status: 'SUCCEEDED', credits: '4' });
    await server.stub.when((stub) => stub.aborted > 0);
    expect((await remaining(workspace)).remaining).toBe('4996');
  });
});
