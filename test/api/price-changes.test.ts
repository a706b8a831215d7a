import { periodStart } from '../../src/billing/periods';
import { systemClock } from '../../src/lib/clock';
import defaultBook from '../../src/metering/price-books/default.json';
import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { Gate } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { BookFiles, planRows, rateCardOf, startServerWithBook } from './support/book-servers';
import { settledSpeech, speak, synthesize } from './support/speech-api';

const DAY_MS = 86_400_000;
/** The next midnight, in UTC, and a server whose clock stands shortly before it. */
const midnight = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
const clock = new TestClock(midnight - 5_000);
const files = new BookFiles();
let server: TestServer;
let workspace: TestWorkspace;

const rates = (credits: string) =>
  defaultBook.rates.map((rate) =>
    rate.capability === 'TEXT_TO_SPEECH' && rate.provider === 'kokoro' ? { ...rate, credits } : rate,
  );
const plans = (change: object) => defaultBook.plans.map((plan) => (plan.id === 'pro' ? { ...plan, ...change } : plan));
const written = new Date(midnight).toISOString().replace('.000', '');

beforeAll(async () => {
  const file = files.write({
    versions: [
      { ...defaultBook, version: 'before' },
      {
        ...defaultBook,
        version: 'after',
        effectiveFrom: written,
        rates: rates('10'),
        plans: plans({ monthlyCredits: '300000', priceUsd: '129', requestsPerMinute: 500 }),
      },
    ],
  });
  server = await startServerWithBook(file, { plan: 'pro', clock, env: { BOOTSTRAP_PLAN: 'pro' } });
  workspace = await server.createWorkspace({ plan: 'pro' });
});
afterAll(async () => {
  await server?.close();
  files.remove();
});

const versionOf = async (client: GraphqlClient, id: string): Promise<string> =>
  (
    await client.data<{ usageEvent: { rateCardVersion: string } }>(
      'query ($id: ID!) { usageEvent(id: $id) { rateCardVersion } }',
      { id },
    )
  ).usageEvent.rateCardVersion;
const priceOfKokoro = async () => {
  const { version, lines } = await rateCardOf(server.anonymous);
  return [version, lines.filter((line) => line.startsWith('TEXT_TO_SPEECH kokoro'))];
};
const ratesOfModel = async () => {
  const { provider } = await server.client.data<{ provider: { models: { rates: { credits: string }[] }[] } }>(
    '{ provider(id: "kokoro") { models { rates { credits } } } }',
  );
  return provider.models[0]!.rates.map(({ credits }) => credits);
};
const included = async (client: TestWorkspace) =>
  (await client.data<{ balance: { included: string } }>('{ balance { included } }')).balance.included;

test('prices change at midnight, and what was held before is settled at the price that it was held at', async () => {
  const text = 'a'.repeat(1_000);
  const gate = new Gate();
  server.stub.fault(() => ({ kind: 'gated', gate }));
  const running = await synthesize(workspace, { provider: 'kokoro', text, delivery: 'STREAM' });
  const { id } = running.data!.synthesizeSpeech!.speech;
  expect(await priceOfKokoro()).toEqual(['before', ['TEXT_TO_SPEECH kokoro: 4 per 1000 CHARACTER']]);
  expect(await ratesOfModel()).toEqual(['4']);

  server.stub.fault(null);
  clock.advance(4_999);
  const last = await speak(workspace, { provider: 'kokoro', text });
  expect(last.usage!.credits).toBe('4');
  clock.advance(1);
  const first = await speak(workspace, { provider: 'kokoro', text });
  expect(first.usage!.credits).toBe('10');

  gate.open();
  const { usage } = await settledSpeech(server, workspace, id);
  expect(usage).toMatchObject({ status: 'SUCCEEDED', credits: '4', heldCredits: '4' });
  expect(await Promise.all([id, last.speech.id, first.speech.id].map((one) => versionOf(workspace, one)))).toEqual([
    'before',
    'before',
    'after',
  ]);
  expect((await server.verifyLedger()).findings).toEqual([]);
});

test('the rate card, the rates of a model and the plans are those in force', async () => {
  expect(await priceOfKokoro()).toEqual(['after', ['TEXT_TO_SPEECH kokoro: 10 per 1000 CHARACTER']]);
  expect(await ratesOfModel()).toEqual(['10']);
  const pro = (await planRows(server.anonymous)).find(([id]) => id === 'pro')!;
  expect(pro.slice(1, 3)).toEqual(['129', '300000']);
});

test('a period that began under one version keeps its grant; one that begins now has the new one', async () => {
  expect(await included(workspace)).toBe('200000');
  expect(await included(await server.createWorkspace({ plan: 'pro' }))).toBe('300000');
});

test('an estimate names the price of now', async () => {
  const { estimateSpeech } = await workspace.data<{ estimateSpeech: { credits: string } }>(
    'query ($input: SynthesizeSpeechInput!) { estimateSpeech(input: $input) { credits } }',
    { input: { provider: 'kokoro', text: 'a'.repeat(500) } },
  );
  expect(estimateSpeech.credits).toBe('5');
});

test('a period that is rolled late is given what its plan gave when it began, and the next one what it gives then', async () => {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const began = new Date();
  const second = periodStart(began, 1);
  const change = new Date(Math.floor(second.getTime() / 1000) * 1000 + DAY_MS);
  const file = files.write({
    versions: [
      { ...defaultBook, version: 'before' },
      {
        ...defaultBook,
        version: 'after',
        effectiveFrom: change.toISOString().replace('.000', ''),
        plans: plans({ monthlyCredits: '300000', carryoverMonths: 0 }),
      },
    ],
  });
  const late = await startServerWithBook(file, {
    plan: 'pro',
    clock: { ...systemClock, now },
    env: { BOOTSTRAP_PLAN: 'pro' },
  });
  try {
    const roll = async (to: Date): Promise<string> => {
      const ms = to.getTime() - now();
      await moveClock(late.database, ms);
      ahead += ms;
      return included(late.client);
    };
    expect(await roll(new Date(change.getTime() + DAY_MS))).toBe('200000');
    expect(await roll(new Date(periodStart(began, 2).getTime() + DAY_MS))).toBe('300000');
    expect((await late.verifyLedger()).findings).toEqual([]);
  } finally {
    await late.close();
  }
});
