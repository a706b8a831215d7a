import { loadPriceBook } from '../../src/metering/load-price-book';
import { allChatEvents, chatEventsUntil, contentOf, listenChat, nextChatEvent } from '../live/support/chat-stream';
import { allSettled, until } from '../live/support/speech-stream';
import { Gate, type ProviderStub, startProviderStub } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { ask, type ChatUsageFields, chat, chatEvents, user } from './support/chat-api';
import { onlyError } from './support/speech-api';

let stub: ProviderStub;
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  stub = await startProviderStub();
  server = await startTestServer({
    stub,
    env: Object.fromEntries(
      ['OPENAI', 'ANTHROPIC', 'GROQ'].flatMap((vendor) => [
        [`${vendor}_API_KEY`, 'stub-key'],
        [`${vendor}_BASE_URL`, stub.url],
      ]),
    ),
  });
});
beforeEach(async () => {
  stub.fault(null);
  workspace = await server.createWorkspace();
});
afterEach(async () => {
  await allSettled(server);
  expect((await server.verifyLedger()).findings).toEqual([]);
});
afterAll(async () => {
  await server?.close();
  await stub?.close();
});

const book = loadPriceBook(null);
/** Exact, in the integers of the price list: credits for 1,000 tokens, rounded up once to a micro-credit. */
function listPrice({ providerId, model, inputTokens, outputTokens }: ChatUsageFields): number {
  const rates = book.ratesOfModel('LANGUAGE_MODEL', providerId, model.slice(providerId.length + 1));
  const rateOf = (unit: string): bigint => rates.find((rate) => rate.unit === unit)!.creditsMicro;
  const micro = BigInt(inputTokens) * rateOf('INPUT_TOKEN') + BigInt(outputTokens) * rateOf('OUTPUT_TOKEN');
  return Number((micro + 999n) / 1_000n) / 1_000_000;
}

/** Every model of the price list that is still served. */
const SERVED = [
  'openai/gpt-5.2',
  'openai/gpt-4.1',
  'openai/gpt-4.1-mini',
  'openai/gpt-5.6-luna',
  'anthropic/claude-sonnet-5-5',
  'anthropic/claude-haiku-5-5',
  'groq/gpt-oss-120b',
  'groq/qwen3.6-27b',
];
const WITHOUT_SCHEMA = ['groq/qwen3.6-27b'];
const RETIRED = [
  'openai/gpt-4.1-nano',
  'anthropic/claude-sonnet-4',
  'anthropic/claude-haiku-3.5',
  'groq/llama-4-maverick',
  'groq/llama-4-scout',
];
const TOOLS = [
  {
    name: 'look_up',
    description: 'Finds a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

describe.each(SERVED)('%s over its own wire', (model) => {
  it('answers, and costs what its provider counted', async () => {
    const { message, usage } = await chat(workspace, { model, messages: [user('Hello there.')] });
    expect(message.content).toContain('Hello there.');
    expect(usage).toMatchObject({ model, status: 'SUCCEEDED', requests: 1, credential: 'PLATFORM' });
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(usage.outputTokens).toBeGreaterThan(0);
    expect(Number(usage.credits)).toBe(listPrice(usage));
    expect(Number(usage.heldCredits)).toBeGreaterThanOrEqual(Number(usage.credits));
  });

  it('streams the same at the same price', async () => {
    const input = { model, messages: [user('Hello there.')], idempotencyKey: 'once' };
    const once = await chat(workspace, { ...input, idempotencyKey: undefined });
    const events = await allChatEvents(listenChat(await workspace.socket(), input));
    expect(contentOf(events)).toBe(once.message.content);
    expect(events.length).toBeGreaterThan(2);
    expect(events.at(-1)).toMatchObject({
      message: once.message,
      finishReason: once.finishReason,
      usage: {
        credits: once.usage.credits,
        inputTokens: once.usage.inputTokens,
        outputTokens: once.usage.outputTokens,
      },
    });
  });

  it('calls tools, and goes on with their results', async () => {
    const input = { model, tools: TOOLS, messages: [user('Please look_up Zürich.')] };
    const asked = await chat(workspace, input);
    expect(asked.finishReason).toBe('TOOL_CALLS');
    const [call] = asked.message.toolCalls;
    expect(JSON.parse(call!.arguments)).toEqual({ city: expect.any(String) });
    const events = await allChatEvents(listenChat(await workspace.socket(), { ...input, idempotencyKey: 'tools' }));
    expect(events.at(-1)!.message).toEqual(asked.message);
    const messages = [
      ...input.messages,
      asked.message,
      { role: 'TOOL', content: 'In Switzerland.', toolCallId: call!.id },
    ];
    const { finishReason, usage } = await chat(workspace, { ...input, messages });
    expect([finishReason, usage.status]).toEqual(['STOP', 'SUCCEEDED']);
  });

  it('answers in the form of a schema, where it can', async () => {
    const responseSchema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const input = { model, responseSchema, messages: [user('Where?')], idempotencyKey: 'schema' };
    if (WITHOUT_SCHEMA.includes(model)) {
      expect(onlyError(await ask(workspace, input)).extensions).toMatchObject({
        code: 'UNSUPPORTED',
        field: 'responseSchema',
        supported: ['groq/gpt-oss-120b'],
      });
      return;
    }
    const { message } = await chat(workspace, input);
    expect(JSON.parse(message.content)).toEqual({ city: expect.any(String) });
    const events = await allChatEvents(listenChat(await workspace.socket(), input));
    expect(events.at(-1)!.message!.content).toBe(message.content);
  });

  it('ends where its room ends', async () => {
    const { message, finishReason, usage } = await chat(workspace, {
      model,
      maxOutputTokens: 2,
      messages: [user('one two three four five')],
    });
    expect(finishReason).toBe('LENGTH');
    expect(usage.outputTokens).toBeLessThanOrEqual(2);
    expect(message.content).not.toContain('five');
  });
});

describe.each(['openai/gpt-4.1-mini', 'anthropic/claude-haiku-5-5', 'groq/gpt-oss-120b'])(
  'a caller that leaves %s after its first text',
  (model) => {
    it('pays exactly what the provider counted: the wire is read to its end', async () => {
      const input = { model, messages: [user('one two three four five six seven')] };
      const whole = await chat(workspace, input);
      const gate = new Gate();
      stub.fault(() => ({ kind: 'gated', gate }));
      const { aborted } = stub;
      const subscription = listenChat(await workspace.socket(), { ...input, idempotencyKey: 'leaving' });
      // What comes before the text, and some of it.
      gate.release(8);
      await nextChatEvent(subscription);
      subscription.leave();
      await until(() => server.container.live.all()[0]?.endReason === 'LEFT');
      gate.open();
      await allSettled(server);
      expect(stub.aborted).toBe(aborted);
      const [event] = await chatEvents(workspace);
      const { inputTokens, outputTokens, credits } = whole.usage;
      expect(event).toMatchObject({ status: 'ABORTED', inputTokens, outputTokens, credits });
    });
  },
);

it('a caller that leaves before any text ends the request upstream', async () => {
  stub.fault(() => ({ kind: 'stall-before-headers' }));
  const { calls, aborted } = stub;
  const subscription = listenChat(await workspace.socket(), {
    model: 'openai/gpt-4.1',
    messages: [user('Hi')],
    idempotencyKey: 'early',
  });
  await stub.when((it) => it.calls > calls);
  subscription.leave();
  await stub.when((it) => it.aborted > aborted);
  await allSettled(server);
  expect(await chatEvents(workspace)).toMatchObject([{ status: 'ABORTED', credits: '0' }]);
});

describe('a retired model', () => {
  it.each(RETIRED)('%s that is asked for by name is tried, and its refusal names the successor', async (model) => {
    const error = onlyError(await ask(workspace, { model, messages: [user('Hi')] }));
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_REJECTED', model, successor: expect.any(String) });
    expect(error.message).toContain(String(error.extensions.successor));
    expect(await chatEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0' }]);
  });

  it.each(RETIRED)('%s gives way to its successor where that is allowed, and the usage names it', async (model) => {
    const { usage } = await chat(workspace, { model, messages: [user('Hi')], routing: { allowSuccessor: true } });
    expect(SERVED).toContain(usage.model);
    expect(Number(usage.credits)).toBe(listPrice(usage));
  });

  it.each(['openai', 'anthropic', 'groq'])('is never the default of %s', async (provider) => {
    const { usage } = await chat(workspace, { provider, messages: [user('Hi')] });
    expect(SERVED).toContain(usage.model);
  });
});

it('a stream that is cut after its first text costs nothing and is not replaced', async () => {
  stub.fault(({ provider }) => (provider === 'openai' ? { kind: 'cut-mid-body' } : undefined));
  const subscription = listenChat(await workspace.socket(), {
    model: 'openai/gpt-4.1',
    messages: [user('one two three four five six seven')],
    routing: { fallbacks: [{ provider: 'groq' }] },
    idempotencyKey: 'cut',
  });
  await chatEventsUntil(subscription, 1);
  const { results } = await subscription.rest();
  expect(results.at(-1)!.errors![0]!.extensions).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', provider: 'openai' });
  expect(await chatEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0', providerId: 'openai' }]);
});

it('counts against the requests a minute of the plan, field by field, streams included', async () => {
  const free = await server.createWorkspace({ plan: 'free' });
  const input = { model: 'openai/gpt-4.1-mini', maxOutputTokens: 10, messages: [user('Hi')] };
  const { headers, errors } = await free.graphql(
    `mutation ($input: ChatInput!) { ${['a', 'b', 'c'].map((it) => `${it}: chat(input: $input) { finishReason }`).join(' ')} }`,
    { input },
  );
  expect(errors).toBeUndefined();
  expect(headers['x-ratelimit-remaining']).toBe('7');
  await allChatEvents(listenChat(await free.socket(), { ...input, idempotencyKey: 'counted' }));
  const { workspace: after } = await free.data<{ workspace: { rateLimit: { remaining: number } } }>(
    '{ workspace { rateLimit { remaining } } }',
  );
  expect(after.rateLimit.remaining).toBe(6);
});
