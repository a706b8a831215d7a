import { ProviderStub } from '../support/provider-stub';
import { startTestServer, type TestServer } from '../support/test-server';
import { refusalOf, type SpeechInput, speak } from './support/speech-api';

let xtts: ProviderStub;
beforeAll(async () => {
  xtts = new ProviderStub({ only: 'xtts' });
  await xtts.listen();
});
afterAll(() => xtts.close());

/** 100 characters. */
const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(3).slice(0, 99).trim().padEnd(99, '!').concat('.');
const asked = (more: Partial<SpeechInput> = {}): SpeechInput => ({ provider: 'xtts', text: TEXT, ...more });
const ESTIMATE = `query ($input: SynthesizeSpeechInput!) {
  estimateSpeech(input: $input) { credits creditsAtMost allowanceCharacters affordable } }`;
const RATES = `{ rateCard { rates { provider quality credits } } }`;

interface Rate {
  readonly provider: string | null;
  readonly quality: string | null;
  readonly credits: string;
}

async function ratesOf(server: TestServer): Promise<readonly (readonly [string | null, string])[]> {
  const { rateCard } = await server.client.data<{ rateCard: { rates: Rate[] } }>(RATES);
  return rateCard.rates.filter(({ provider }) => provider === 'xtts').map(({ quality, credits }) => [quality, credits]);
}

const environment = (confirmed: boolean) => ({
  XTTS_BASE_URL: xtts.url,
  XTTS_COMMERCIAL_USE: confirmed ? 'confirmed' : undefined,
});

describe('with a licence', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ plan: 'pro', env: environment(true) });
  });
  afterAll(() => server?.close());

  it('each quality has its price, which the allowance pays first', async () => {
    expect(await ratesOf(server)).toEqual([
      ['STANDARD', '6'],
      ['PREMIUM', '12'],
      ['ULTRA', '24'],
    ]);
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const { estimateSpeech } = await workspace.data<{ estimateSpeech: object }>(ESTIMATE, { input: asked() });
    expect(estimateSpeech).toEqual({ credits: '0', creditsAtMost: '0', allowanceCharacters: 100, affordable: true });
    for (const quality of ['STANDARD', 'PREMIUM', 'ULTRA']) {
      const { usage } = await speak(workspace, asked({ quality }));
      expect(usage).toMatchObject({ status: 'SUCCEEDED', characters: 100, credits: '0' });
    }
  });

  it.each([
    [undefined, '0.6'],
    ['STANDARD', '0.6'],
    ['PREMIUM', '1.2'],
    ['ULTRA', '2.4'],
  ])('past the allowance, 100 characters in quality %s cost %s', async (quality, credits) => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    await server.database.query('UPDATE accounts SET allowance_used = allowance_limit WHERE workspace_id = $1', [
      workspace.workspaceId,
    ]);
    const { usage } = await speak(workspace, asked(quality === undefined ? {} : { quality }));
    expect(usage).toMatchObject({ status: 'SUCCEEDED', characters: 100, credits });
  });

  it.each([
    ['STANDARD', '3.6'],
    ['PREMIUM', '7.2'],
  ])('with 400 characters left, 1,000 of %s are 400 of the allowance and %s credits', async (quality, credits) => {
    const customer = await server.createWorkspace({ plan: 'pro' });
    await server.database.query('UPDATE accounts SET allowance_used = allowance_limit - 400 WHERE workspace_id = $1', [
      customer.workspaceId,
    ]);
    const { usage } = await speak(customer, asked({ text: `${'word '.repeat(199)}right`, quality }));
    expect(usage).toMatchObject({ characters: 1_000, credits });
  });

  it('a long text is split at what the language takes, and counted once', async () => {
    const before = xtts.calls;
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const { usage } = await speak(
      workspace,
      asked({ text: `${TEXT} ${TEXT} ${TEXT}`, language: 'ja', quality: 'PREMIUM' }),
    );
    expect(usage).toMatchObject({ status: 'SUCCEEDED', characters: 302 });
    expect(xtts.calls - before).toBeGreaterThanOrEqual(5);
    for (const { json } of xtts.requests.filter(({ path }) => path === '/tts').slice(-5)) {
      expect((json as { text: string }).text.length).toBeLessThanOrEqual(71);
    }
  });

  it('a plan without a quality refuses it, and nobody is called', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const before = xtts.calls;
    expect((await refusalOf(workspace, asked({ quality: 'ULTRA' }))).extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'QUALITY',
      actual: 'ULTRA',
    });
    expect(xtts.calls).toBe(before);
    expect((await speak(workspace, asked())).usage).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('a quality of a provider that has none is refused', async () => {
    expect(
      (await refusalOf(server.client, { provider: 'local', text: 'Hello.', quality: 'STANDARD' })).extensions,
    ).toMatchObject({ code: 'UNSUPPORTED', field: 'quality' });
  });
});

describe('without a licence', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ plan: 'pro', env: environment(false) });
  });
  afterAll(() => server?.close());

  it('every quality costs 0, and the allowance is neither offered nor touched', async () => {
    expect(await ratesOf(server)).toEqual([
      ['STANDARD', '0'],
      ['PREMIUM', '0'],
      ['ULTRA', '0'],
    ]);
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const { estimateSpeech } = await workspace.data<{ estimateSpeech: object }>(ESTIMATE, {
      input: asked({ quality: 'ULTRA' }),
    });
    expect(estimateSpeech).toEqual({ credits: '0', creditsAtMost: '0', allowanceCharacters: 0, affordable: true });
    for (const quality of ['STANDARD', 'PREMIUM', 'ULTRA']) {
      const { usage } = await speak(workspace, asked({ quality }));
      expect(usage).toMatchObject({ status: 'SUCCEEDED', characters: 100, credits: '0', heldCredits: '0' });
    }
    const { rows } = await server.database.query(
      'SELECT allowance_used, spendable FROM accounts WHERE workspace_id = $1',
      [workspace.workspaceId],
    );
    expect(rows).toEqual([{ allowance_used: '0', spendable: '200000000000' }]);
  });

  it('the plan’s qualities and characters a request still hold', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    expect((await refusalOf(workspace, asked({ quality: 'PREMIUM' }))).extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'QUALITY',
    });
    expect((await refusalOf(workspace, asked({ text: 'word '.repeat(120) }))).extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'CHARACTERS_PER_REQUEST',
      max: 500,
    });
  });
});
