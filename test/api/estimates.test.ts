import path from 'node:path';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer } from '../support/test-server';
import { leaveCredits } from './support/credits';
import { HELLO, HELLO_CREDITS, refusalOf, type SpeechInput, speak, standing } from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'pro' });
});
afterAll(() => server?.close());

const FIELDS = `provider { id name available } model voiceId byok characters allowanceCharacters inputTokens totalTokens
  audioSeconds credits creditsAtMost costUsd balanceAfter affordable summary`;
interface Estimate {
  readonly provider: { readonly id: string; readonly available: boolean };
  readonly characters: number;
  readonly audioSeconds: number;
  readonly credits: string;
  readonly creditsAtMost: string;
  readonly [field: string]: unknown;
}
const ESTIMATE = `query ($input: SynthesizeSpeechInput!) { estimateSpeech(input: $input) { ${FIELDS} } }`;
const COMPARE = `query ($input: SynthesizeSpeechInput!) { compareSpeechCost(input: $input) { ${FIELDS} } }`;
const estimate = async (client: GraphqlClient, input: SpeechInput, headers?: Record<string, string>) =>
  (await client.data<{ estimateSpeech: Estimate }>(ESTIMATE, { input }, headers)).estimateSpeech;
const compare = async (client: GraphqlClient, input: SpeechInput, headers?: Record<string, string>) =>
  (await client.data<{ compareSpeechCost: Estimate[] }>(COMPARE, { input }, headers)).compareSpeechCost;

const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(10).trim();

describe('estimateSpeech', () => {
  it.each([
    ['elevenlabs', '74.534'],
    ['kokoro', '1.796'],
    ['local', '0.449'],
  ])('of %s is what it then costs, and asking is free', async (provider, credits) => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const before = await standing(server, workspace);
    const expected = await estimate(workspace, { provider, text: TEXT });
    expect(expected).toMatchObject({
      provider: { id: provider, available: true },
      byok: false,
      characters: 449,
      allowanceCharacters: 0,
      inputTokens: 113,
      totalTokens: 113,
      credits,
      creditsAtMost: credits,
      balanceAfter: String(200_000 - Number(credits)),
      affordable: true,
    });
    expect(expected.summary).toBe(
      `This preview will use about 113 tokens and ${expected.audioSeconds.toFixed(1)} seconds of audio.`,
    );
    expect(await standing(server, workspace)).toEqual(before);
    const { usage } = await speak(workspace, { provider, text: TEXT });
    expect(usage).toMatchObject({ credits, heldCredits: credits, characters: 449, costUsd: expected.costUsd });
  });

  it('expects an unhurried pace at first, and learns the length from what was really made', async () => {
    const voice = 'bm_george';
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const at = async (speed?: number) =>
      (await estimate(workspace, { provider: 'kokoro', voice, text: TEXT, speed })).audioSeconds;
    expect(await at()).toBeCloseTo(449 / 14, 1);
    const { usage } = await speak(workspace, { provider: 'kokoro', voice, text: TEXT });
    expect(usage!.audioMilliseconds).toBeGreaterThan(20_000);
    // The stand-in speaks 60 ms a character.
    expect(await at()).toBeCloseTo(usage!.audioMilliseconds / 1000, 2);
    expect(await at(2)).toBeCloseTo(usage!.audioMilliseconds / 2000, 2);

    const fast = await speak(workspace, { provider: 'kokoro', voice, text: TEXT, speed: 1.5 });
    expect(await at(1.5)).toBeCloseTo(fast.usage!.audioMilliseconds / 1000, 2);
    expect(await at()).toBeCloseTo(usage!.audioMilliseconds / 1000, 2);
    // Another voice has a pace of its own, and none is known yet.
    expect((await estimate(workspace, { provider: 'kokoro', voice: 'pf_dora', text: TEXT })).audioSeconds).toBeCloseTo(
      449 / 14,
      1,
    );
  });

  it('ignores format, delivery and idempotency key, which change no price', async () => {
    const plain = await estimate(server.client, { provider: 'local', text: TEXT });
    expect(
      await estimate(server.client, {
        provider: 'local',
        text: TEXT,
        format: 'MP3',
        sampleRate: 12_345,
        delivery: 'STREAM',
        idempotencyKey: 'estimated',
      }),
    ).toEqual(plain);
    // The key is as good as unused.
    expect((await speak(server.client, { provider: 'local', text: 'Hi.', idempotencyKey: 'estimated' })).replayed).toBe(
      false,
    );
  });

  it('counts the whole text, however it will be split', async () => {
    const input = { provider: 'elevenlabs', model: 'eleven_v3', text: 'word '.repeat(2_000).trim() };
    expect(await estimate(server.client, input)).toMatchObject({ characters: 9_999, credits: '1659.834' });
  });

  it('refuses what the operation itself would refuse', async () => {
    const inputs: readonly [SpeechInput, string][] = [
      [{ text: '' }, 'BAD_USER_INPUT'],
      [{ text: 'a'.repeat(100_001) }, 'TEXT_TOO_LONG'],
      [{ text: 'a', provider: 'nobody' }, 'BAD_USER_INPUT'],
      [{ ...HELLO, voice: 'nobody' }, 'BAD_USER_INPUT'],
      [{ ...HELLO, speed: 9 }, 'BAD_USER_INPUT'],
      [{ ...HELLO, style: 'cheerful' }, 'UNSUPPORTED'],
    ];
    for (const [input, code] of inputs) {
      expect((await server.client.graphql(ESTIMATE, { input })).code).toBe(code);
      expect((await refusalOf(server.client, input)).extensions.code).toBe(code);
    }
  });

  it('says what would be left, and whether it would be admitted', async () => {
    const free = await server.createWorkspace({ plan: 'free' });
    await leaveCredits(server, free.workspaceId, '2');
    expect(await estimate(free, HELLO)).toMatchObject({ balanceAfter: '0.008', affordable: true, costUsd: '0.001992' });
    expect(await estimate(free, { ...HELLO, text: 'Hello there, you.' })).toMatchObject({
      credits: '2.822',
      balanceAfter: '0',
      affordable: false,
    });
    const pro = await server.createWorkspace({ plan: 'pro' });
    await leaveCredits(server, pro.workspaceId, '1');
    const overage = await estimate(pro, { provider: 'kokoro', text: 'a'.repeat(750) });
    expect(overage).toMatchObject({ credits: '3', costUsd: '0.0026', balanceAfter: '0', affordable: true });
    await server.database.query('UPDATE accounts SET overage_limit = 1000000 WHERE workspace_id = $1', [
      pro.workspaceId,
    ]);
    expect(await estimate(pro, { provider: 'kokoro', text: 'a'.repeat(750) })).toMatchObject({ affordable: false });
  });

  it('with an own key costs nothing and says so', async () => {
    const poor = await server.createWorkspace({ plan: 'free' });
    await leaveCredits(server, poor.workspaceId, '0');
    expect(await estimate(poor, HELLO, { 'x-provider-key-elevenlabs': 'own-key' })).toMatchObject({
      byok: true,
      credits: '0',
      creditsAtMost: '0',
      costUsd: '0',
      affordable: true,
      characters: 12,
    });
    expect(await estimate(poor, HELLO)).toMatchObject({ byok: false, credits: HELLO_CREDITS, affordable: false });
  });
});

describe('compareSpeechCost', () => {
  it('lists every provider that could speak it, cheapest first', async () => {
    const estimates = await compare(server.client, { text: TEXT });
    expect(estimates.map(({ provider, credits }) => [provider.id, credits])).toEqual([
      ['local', '0.449'],
      ['kokoro', '1.796'],
      ['elevenlabs', '74.534'],
    ]);
    for (const one of estimates) {
      expect(await estimate(server.client, { text: TEXT, provider: one.provider.id })).toEqual(one);
    }
  });

  it('ignores the provider, the model and the voice of the input', async () => {
    const plain = await compare(server.client, { text: TEXT });
    expect(await compare(server.client, { text: TEXT, provider: 'nobody', model: 'x/y', voice: 'none' })).toEqual(
      plain,
    );
  });

  it('leaves out who could not speak it', async () => {
    const providersOf = async (input: SpeechInput) =>
      (await compare(server.client, input)).map(({ provider }) => provider.id);
    expect(await providersOf({ text: TEXT, speed: 3 })).toEqual(['kokoro']);
    expect(await providersOf({ text: TEXT, speed: 1.5 })).toEqual(['local', 'kokoro']);
    const phoneme = '<speak><phoneme alphabet="ipa" ph="təˈmɑːtəʊ">tomato</phoneme></speak>';
    expect(await providersOf({ text: phoneme, textType: 'SSML' })).toEqual(['kokoro']);
    expect(await providersOf({ text: TEXT, style: 'cheerful' })).toEqual([]);
  });

  it('puts an own key first, as it costs nothing', async () => {
    const [first] = await compare(server.client, { text: TEXT }, { 'x-provider-key-elevenlabs': 'own-key' });
    expect(first).toMatchObject({ provider: { id: 'elevenlabs' }, byok: true, credits: '0' });
  });

  it('refuses a text that nobody could speak', async () => {
    for (const [text, code] of [
      ['', 'BAD_USER_INPUT'],
      ['a'.repeat(100_001), 'TEXT_TOO_LONG'],
    ] as const) {
      expect((await server.client.graphql(COMPARE, { input: { text } })).code).toBe(code);
    }
  });
});

describe('a price book by the second', () => {
  let seconds: TestServer;
  beforeAll(async () => {
    const book = path.join(__dirname, '..', '..', 'src', 'metering', 'price-books', 'audio-seconds.json');
    seconds = await startTestServer({ plan: 'prepaid', env: { PRICE_BOOK: book } });
  });
  afterAll(() => seconds?.close());

  it('charges the length of what was made, to the millisecond, and stops at nothing left', async () => {
    const { client } = seconds;
    expect((await refusalOf(client, HELLO)).extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', available: '0' });
    await seconds.grant(client.workspaceId, '1000');
    // 36 characters at 60 ms, and the last frame: known answer, 2.18 s are 2.18 credits.
    const { usage } = await speak(client, { provider: 'kokoro', format: 'PCM', text: 'a'.repeat(36), speed: 0.991 });
    expect(usage).toMatchObject({ audioMilliseconds: 2_180, credits: '2.18', characters: 36 });
    expect(Number(usage!.heldCredits)).toBeGreaterThan(2.18);
    for (const input of [HELLO, { ...HELLO, provider: 'local' }]) {
      const made = (await speak(client, input)).usage!;
      expect(made.credits).toBe(String(made.audioMilliseconds / 1000));
    }
    const expected = await estimate(client, { provider: 'kokoro', text: 'a'.repeat(100) });
    expect(Number(expected.credits)).toBeCloseTo(expected.audioSeconds, 3);
    expect(Number(expected.creditsAtMost)).toBeGreaterThan(Number(expected.credits));
    expect(await seconds.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
  });
});

describe('a price book of characters', () => {
  let characters: TestServer;
  beforeAll(async () => {
    const book = path.join(__dirname, '..', '..', 'src', 'metering', 'price-books', 'characters.json');
    characters = await startTestServer({ plan: 'free', env: { PRICE_BOOK: book } });
  });
  afterAll(() => characters?.close());

  it('serves 500 characters a request and 1,000 a month, and no credits are spoken of', async () => {
    const { client } = characters;
    const input = (count: number) => ({ provider: 'kokoro', text: 'a'.repeat(count) });
    expect((await refusalOf(client, input(501))).extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'CHARACTERS_PER_REQUEST',
      max: 500,
      actual: 501,
      plan: 'free',
    });
    expect(await estimate(client, input(500))).toMatchObject({
      credits: '0',
      allowanceCharacters: 500,
      affordable: true,
    });
    expect((await speak(client, input(500))).usage).toMatchObject({
      credits: '0',
      characters: 500,
      billableTokens: 125,
    });
    await speak(client, input(400));
    expect(
      await client.data('{ usage { characters { used limit remaining } } balance { state message } }'),
    ).toMatchObject({
      usage: { characters: { used: '900', limit: '1000', remaining: '100' } },
      balance: { state: 'LOW', message: expect.stringContaining('100') },
    });
    expect(await estimate(client, input(101))).toMatchObject({ affordable: false });
    const refused = await refusalOf(client, input(101));
    expect(refused.extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', required: '101', available: '100' });
    expect(refused.message).toContain('characters');
    await speak(client, input(100));
    expect(await client.data('{ balance { state message } }')).toMatchObject({
      balance: { state: 'HARD_STOP', message: expect.stringContaining('characters') },
    });
    expect(await characters.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
  });
});
