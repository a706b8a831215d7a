import { ProviderError } from '../../../providers/contract/errors';
import type { HttpUsageAdapter, UsageSource } from '../../../providers/contract/usage';
import { deepgramUsage } from '../../../providers/deepgram/usage';
import { elevenLabsUsage } from '../../../providers/elevenlabs/usage';
import { httpUsageSource, USAGE_PAGES_MAX } from '../../../providers/http/usage-source';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';

const SPAN = { start: new Date('2025-05-30T00:00:00Z'), end: new Date('2025-06-01T00:00:00Z') };
const call = (signal = new AbortController().signal) => ({ signal });

let stub: ProviderStub;

async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error = await work.then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(ProviderError);
  return error as ProviderError;
}

beforeAll(async () => {
  stub = await startProviderStub();
  for (const [requestId, second] of [
    ['first', 0],
    ['second', 1],
  ] as const) {
    const at = Date.parse('2025-05-30T10:00:00Z') + second * 1_000;
    stub.usage.elevenLabs.push({ requestId, at, model: 'eleven_v3', text: 'x', billed: 1 });
  }
});
afterEach(() => stub.fault(null));
afterAll(() => stub.close());

const clock = { now: () => 0, sleep: async () => {} };
const source = (adapter: HttpUsageAdapter): UsageSource =>
  httpUsageSource(adapter, { baseUrl: stub.url, adminKey: 'key', clock });

test('a 429 and answers that break off are asked for again, and the list is whole all the same', async () => {
  let number = 0;
  stub.fault(() => {
    number += 1;
    if (number % 3 === 1) return { kind: 'answer', status: 429, body: {}, headers: { 'retry-after': '1' } };
    return number % 3 === 2 ? { kind: 'cut-mid-body' } : undefined;
  });
  stub.usage.pageMax = 1;
  const history = source(elevenLabsUsage);
  expect([...(await history.requests(SPAN, call())).keys()]).toEqual(['second', 'first']);
  await history.close();
});

test('a provider that goes on failing is UNAVAILABLE after four tries', async () => {
  stub.fault(() => ({ kind: 'answer', status: 503 }));
  const before = stub.requests.length;
  const history = source(elevenLabsUsage);
  expect(await failureOf(history.requests(SPAN, call()))).toMatchObject({ kind: 'UNAVAILABLE' });
  expect(stub.requests.length - before).toBe(4);
  await history.close();
});

test('whoever stops waiting stops the call', async () => {
  stub.fault(() => ({ kind: 'stall-before-headers' }));
  const controller = new AbortController();
  const history = source(elevenLabsUsage);
  const asked = failureOf(history.requests(SPAN, call(controller.signal)));
  const before = stub.requests.length;
  await stub.when(({ requests }) => requests.length > before);
  controller.abort();
  expect(await asked).toMatchObject({ kind: 'CANCELLED' });
  await history.close();
});

test('a list that leads in a circle, or has no end, is refused rather than cut', async () => {
  const sums = deepgramUsage.sums![0]!;
  const circle = source({ ...deepgramUsage, sums: [{ ...sums, page: () => ({ items: [], next: 'again' }) }] });
  expect(await failureOf(circle.sums(SPAN, call()))).toMatchObject({ kind: 'REJECTED' });
  let page = 0;
  const endless = source({
    ...deepgramUsage,
    accounts: undefined,
    sums: [{ ...sums, request: elevenLabsUsage.requests!.request, page: () => ({ items: [], next: String(++page) }) }],
  });
  expect((await failureOf(endless.sums(SPAN, call()))).message).toContain(`${USAGE_PAGES_MAX} pages`);
  expect(page).toBe(USAGE_PAGES_MAX);
  await Promise.all([circle.close(), endless.close()]);
});
