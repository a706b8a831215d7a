import { Gate } from '../support/provider-stub';
import { ANTHROPIC, ending, failing, OPENAI, ScriptedChat, text, toolCall } from '../support/scripted-chat';
import type { TestWorkspace } from '../support/test-server';
import { ask, type ChatServer, chat, chatEvents, HELLO, startChatServer, user } from './support/chat-api';
import { onlyError, standing } from './support/speech-api';

let server: ChatServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startChatServer({ storm: true });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ credits: '1000' });
  for (const it of [server.openai, server.anthropic]) {
    it.script = () => [...text('Hello', ' there.'), ...ending({ inputTokens: 10, outputTokens: 4 })];
  }
});
afterEach(async () => {
  expect((await server.verifyLedger()).findings).toEqual([]);
});
afterAll(() => server?.close());

const spent = async (): Promise<string> =>
  (await workspace.data<{ balance: { used: string } }>('{ balance { used } }')).balance.used;

describe('chat', () => {
  it('answers what the model wrote, with what it used', async () => {
    server.openai.script = () => [...text('Hello', ' there.'), ...ending({ inputTokens: 1_500, outputTokens: 321 })];
    const answer = await chat(workspace, { ...HELLO, endUserId: 'ada', metadata: { team: 'radio' } });
    expect(answer).toMatchObject({
      message: { role: 'ASSISTANT', content: 'Hello there.', toolCalls: [] },
      finishReason: 'STOP',
      citations: [],
      stages: [{ id: answer.usage.id }],
      usage: {
        capability: 'LANGUAGE_MODEL',
        status: 'SUCCEEDED',
        errorCode: null,
        providerId: 'openai',
        model: 'openai/gpt-4.1-mini',
        credits: '2.463',
        inputTokens: 1_500,
        outputTokens: 321,
        totalTokens: 1_821,
        billableTokens: 1_821,
        characters: 0,
        requests: 1,
        byok: false,
        credential: 'PLATFORM',
        endUserId: 'ada',
        metadata: { team: 'radio' },
        remainingBalance: '997.537',
        summary: 'Chat completed. 1,821 billable tokens used. 997 credits remaining.',
        attempts: [{ provider: 'openai', model: 'openai/gpt-4.1-mini', outcome: 'SERVED', errorCode: null }],
      },
    });
    expect(await chatEvents(workspace)).toEqual([answer.usage]);
    expect(await spent()).toBe('2.463');
  });

  it.each([
    ['openai', 'gpt-4.1-mini', 1_500, 321, '2.463'],
    ['anthropic', 'claude-sonnet-4', 10, 1_000, '30.06'],
  ] as const)('%s %s costs what the price list says', async (provider, model, inputTokens, outputTokens, credits) => {
    server[provider].script = () => [...text('Hi'), ...ending({ inputTokens, outputTokens })];
    const { usage } = await chat(workspace, { messages: [user('x'.repeat(2_000))], provider, model });
    expect(usage).toMatchObject({ credits, inputTokens, outputTokens });
    expect(Number(usage.heldCredits)).toBeGreaterThanOrEqual(Number(credits));
  });

  it('sends the conversation as it is, and the room for the answer always', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    await chat(workspace, {
      provider: 'openai',
      model: 'openai/gpt-4.1',
      temperature: 0.5,
      tools: [{ name: 'look_up', description: 'Finds a city.', parameters }],
      responseSchema: { type: 'object' },
      messages: [
        { role: 'SYSTEM', content: 'Be brief.' },
        user('Where is Rome?'),
        { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'a', name: 'look_up', arguments: '{"city":"Rome"}' }] },
        { role: 'TOOL', content: 'Italy', toolCallId: 'a' },
      ],
    });
    expect(server.openai.calls.at(-1)!.call).toMatchObject({
      model: { name: 'gpt-4.1' },
      messages: [
        { role: 'SYSTEM', content: 'Be brief.' },
        { role: 'USER', content: 'Where is Rome?' },
        { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'a', name: 'look_up', arguments: '{"city":"Rome"}' }] },
        { role: 'TOOL', content: 'Italy', toolCallId: 'a' },
      ],
      tools: [{ name: 'look_up', description: 'Finds a city.', parameters }],
      responseSchema: { type: 'object' },
      temperature: 0.5,
      maxOutputTokens: 4_096,
      streaming: false,
    });
  });

  it('brings the tools that the model wants called', async () => {
    server.openai.script = () => [
      toolCall(0, 'a', 'look_up', '{"city":'),
      toolCall(0, null, null, '"Rome"}'),
      toolCall(1, 'b', 'wait', ''),
      ...ending({ inputTokens: 10, outputTokens: 4 }, 'TOOL_CALLS'),
    ];
    expect(await chat(workspace)).toMatchObject({
      finishReason: 'TOOL_CALLS',
      message: {
        content: '',
        toolCalls: [
          { id: 'a', name: 'look_up', arguments: '{"city":"Rome"}' },
          { id: 'b', name: 'wait', arguments: '{}' },
        ],
      },
    });
  });

  it('asks the first provider that has a key here when none is named, and the default model', async () => {
    expect((await chat(workspace, { messages: [user('Hi')] })).usage.model).toBe('openai/gpt-4.1-mini');
    expect((await chat(workspace, { messages: [user('Hi')], model: 'anthropic/claude-sonnet-4' })).usage.model).toBe(
      'anthropic/claude-sonnet-4',
    );
  });

  it('charges no more than was held, whatever a provider counts', async () => {
    server.openai.script = () => [...text('Hi'), ...ending({ inputTokens: 500_000, outputTokens: 500_000 })];
    const { usage } = await chat(workspace, HELLO);
    expect(usage.credits).toBe(usage.heldCredits);
    const { rows } = await server.database.query<{ anomaly_credits: string }>(
      'SELECT anomaly_credits FROM usage_events WHERE id = $1',
      [usage.id],
    );
    expect(BigInt(rows[0]!.anomaly_credits)).toBe(2_000_000_000n - BigInt(Math.round(Number(usage.credits) * 1e6)));
  });

  it('belongs to llm in the usage of the period', async () => {
    await chat(workspace);
    const { usage } = await workspace.data<{ usage: { breakdown: Record<string, string>; requestCount: number } }>(
      '{ usage { breakdown { tts stt llm rag } requestCount } }',
    );
    expect(usage).toEqual({ breakdown: { tts: '0', stt: '0', llm: '0.022', rag: '0' }, requestCount: 1 });
  });

  it('tells the tokens of a document in its headers', async () => {
    const { headers } = await workspace.graphql(
      `mutation ($input: ChatInput!) { one: chat(input: $input) { finishReason } two: chat(input: $input) { finishReason } }`,
      { input: HELLO },
    );
    expect(headers).toMatchObject({ 'x-usage-input-tokens': '20', 'x-usage-total-tokens': '28' });
  });
});

describe('what is refused calls nobody and costs nothing', () => {
  const refusalOf = async (input: Record<string, unknown>) => {
    const calls = server.openai.calls.length + server.anthropic.calls.length;
    const before = await standing(server, workspace);
    const error = onlyError(await ask(workspace, { ...HELLO, ...input }));
    expect(server.openai.calls.length + server.anthropic.calls.length).toBe(calls);
    expect(await standing(server, workspace)).toEqual(before);
    return error;
  };

  it.each<[string, Record<string, unknown>, string, Record<string, unknown>]>([
    ['no messages', { messages: [] }, 'BAD_USER_INPUT', { field: 'messages' }],
    [
      'arguments of a tool that are no JSON',
      {
        messages: [
          { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'a', name: 'x', arguments: '{oops' }] },
          { role: 'TOOL', content: '1', toolCallId: 'a' },
        ],
      },
      'BAD_USER_INPUT',
      { field: 'messages.0.toolCalls.0.arguments' },
    ],
    [
      'a provider that is not there',
      { provider: 'nobody' },
      'BAD_USER_INPUT',
      { field: 'provider', supported: ['openai', 'anthropic'] },
    ],
    ['a model that is not there', { model: 'gpt-1' }, 'BAD_USER_INPUT', { field: 'model' }],
    ['a model of another provider', { model: 'anthropic/claude-sonnet-4' }, 'BAD_USER_INPUT', { field: 'model' }],
    ['a model without a price', { model: 'unpriced' }, 'PRICE_NOT_CONFIGURED', {}],
    ['a temperature out of range', { temperature: 2.5 }, 'BAD_USER_INPUT', { field: 'temperature' }],
    [
      'a temperature where there is none',
      { provider: 'anthropic', temperature: 1 },
      'UNSUPPORTED',
      { field: 'temperature', supported: [] },
    ],
    ['more room than the model has', { maxOutputTokens: 40_000 }, 'BAD_USER_INPUT', { field: 'maxOutputTokens' }],
    [
      'tools where there are none',
      { model: 'gpt-4.1-nano', tools: [{ name: 'x', parameters: {} }] },
      'UNSUPPORTED',
      { field: 'tools', supported: ['openai/gpt-4.1-mini', 'openai/gpt-4.1', 'openai/unpriced'] },
    ],
    [
      'a schema where there is none',
      { model: 'gpt-4.1-nano', responseSchema: {} },
      'UNSUPPORTED',
      { field: 'responseSchema' },
    ],
    ['a price above maxCredits', { maxCredits: '0.001' }, 'MAX_CREDITS_EXCEEDED', { maxCredits: '0.001' }],
    [
      'more than there is',
      { model: 'gpt-4.1', messages: [user('x'.repeat(300_000))] },
      'INSUFFICIENT_CREDITS',
      { available: '1000' },
    ],
    [
      'a fallback that is not there',
      { routing: { fallbacks: [{ provider: 'nobody' }] } },
      'BAD_USER_INPUT',
      { field: 'routing.fallbacks.0.provider' },
    ],
  ])('%s', async (_what, input, code, fields) => {
    const { extensions } = await refusalOf(input);
    expect(extensions).toMatchObject({ code, ...fields });
  });

  it('a provider without a key says what to do, and one is found by the key that the caller brings', async () => {
    const bare = await startChatServer(
      {},
      { openai: new ScriptedChat(OPENAI, false), anthropic: new ScriptedChat(ANTHROPIC, false) },
    );
    try {
      const none = onlyError(await ask(bare.client, { messages: [user('Hi')] }));
      expect(none.extensions.code).toBe('PROVIDER_NOT_CONFIGURED');
      expect(none.message).toMatch(/X-Provider-Key-OpenAI.*OPENAI_API_KEY/s);
      const named = onlyError(await ask(bare.client, HELLO));
      expect(named.extensions).toMatchObject({ code: 'PROVIDER_NOT_CONFIGURED', provider: 'openai' });
      const { usage } = await chat(bare.client, { messages: [user('Hi')] }, { 'x-provider-key-anthropic': 'mine' });
      expect(usage).toMatchObject({ providerId: 'anthropic', byok: true, credential: 'REQUEST_KEY', credits: '0' });
    } finally {
      await bare.close();
    }
  });
});

describe('a provider that fails', () => {
  const failureOf = async (input = HELLO) => onlyError(await ask(workspace, input));

  it.each([
    ['REJECTED', 'PROVIDER_REJECTED', false],
    ['UNAUTHORIZED', 'PROVIDER_UNAUTHORIZED', false],
    ['TIMEOUT', 'PROVIDER_TIMEOUT', false],
  ] as const)('%s is %s and costs nothing', async (kind, code, retryable) => {
    server.openai.script = () => [failing('openai', kind, retryable)];
    expect((await failureOf()).extensions).toMatchObject({ code, provider: 'openai', retryable });
    expect(await chatEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0', errorCode: code }]);
    expect(await spent()).toBe('0');
  });

  it.each([
    ['no JSON', toolCall(0, 'a', 'look_up', 'city: Rome')],
    ['cut', toolCall(0, 'a', 'look_up', '{"city": "R')],
  ])('that calls a tool with arguments that are %s is refused, and costs nothing', async (_what, piece) => {
    server.openai.script = () => [piece, ...ending({ inputTokens: 10, outputTokens: 4 }, 'TOOL_CALLS')];
    expect((await failureOf()).extensions).toMatchObject({ code: 'PROVIDER_REJECTED', retryable: false });
    expect(await chatEvents(workspace)).toMatchObject([
      { status: 'FAILED', credits: '0', inputTokens: 10, outputTokens: 4, billableTokens: 0 },
    ]);
  });

  it('that does not say what it used costs nothing', async () => {
    server.openai.script = () => [...text('Hello'), { kind: 'finish', reason: 'STOP' }];
    expect((await failureOf()).extensions).toMatchObject({ code: 'PROVIDER_REJECTED' });
    expect(await chatEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0' }]);
  });

  it('for a moment is asked again, and the attempts tell it', async () => {
    let asked = 0;
    server.openai.script = () => {
      asked += 1;
      return asked === 1
        ? [...text('Hel'), failing('openai', 'UNAVAILABLE', true)]
        : [...text('Hello'), ...ending({ inputTokens: 10, outputTokens: 4 })];
    };
    const { message, usage } = await chat(workspace);
    expect(message.content).toBe('Hello');
    expect(usage).toMatchObject({
      credits: '0.022',
      requests: 2,
      attempts: [{ outcome: 'UNAVAILABLE', errorCode: 'PROVIDER_UNAVAILABLE' }, { outcome: 'SERVED' }],
    });
  });

  it('gives way to a fallback, which is charged at its own price', async () => {
    server.openai.script = () => [failing('openai', 'REJECTED')];
    const routing = { fallbacks: [{ provider: 'anthropic' }] };
    const { usage } = await chat(workspace, { ...HELLO, routing });
    expect(usage).toMatchObject({
      providerId: 'anthropic',
      model: 'anthropic/claude-sonnet-4',
      credits: '0.18',
      requests: 2,
      attempts: [
        { provider: 'openai', outcome: 'REJECTED' },
        { provider: 'anthropic', outcome: 'SERVED' },
      ],
    });
    const { usage: own } = await chat(workspace, { ...HELLO, routing: { fallbacks: [] }, provider: 'anthropic' });
    expect(Number(usage.heldCredits)).toBeGreaterThanOrEqual(Number(own.heldCredits));
  });

  it('leaves out a fallback that costs more than maxCredits', async () => {
    server.openai.script = () => [failing('openai', 'REJECTED')];
    const routing = { fallbacks: [{ provider: 'anthropic' }] };
    const { extensions } = onlyError(await ask(workspace, { ...HELLO, routing, maxCredits: '20' }));
    expect(extensions).toMatchObject({ code: 'PROVIDER_REJECTED' });
    expect((await chatEvents(workspace))[0]!.attempts).toMatchObject([
      { provider: 'openai', outcome: 'REJECTED' },
      { provider: 'anthropic', outcome: 'SKIPPED', errorCode: 'MAX_CREDITS_EXCEEDED' },
    ]);
  });
});

describe('an own key', () => {
  const own = { 'x-provider-key-openai': 'canary-own-key-of-a-chat' };

  it('goes to its provider, costs nothing, and is recorded with all its quantities', async () => {
    const poor = await server.createWorkspace();
    const { usage } = await chat(poor, HELLO, own);
    expect(usage).toMatchObject({
      byok: true,
      credential: 'REQUEST_KEY',
      credits: '0',
      heldCredits: '0',
      inputTokens: 10,
      outputTokens: 4,
      billableTokens: 0,
    });
    expect(server.openai.calls.at(-1)!.options.credential).toEqual({
      source: 'REQUEST_KEY',
      secret: own['x-provider-key-openai'],
    });
  });

  it('that fails is not replaced by the key of the platform', async () => {
    server.openai.script = () => [failing('openai', 'UNAUTHORIZED')];
    const calls = server.openai.calls.length;
    expect(onlyError(await ask(workspace, HELLO, own)).extensions.code).toBe('PROVIDER_UNAUTHORIZED');
    expect(server.openai.calls.slice(calls).map(({ options }) => options.credential.source)).toEqual(['REQUEST_KEY']);
  });
});

describe('a client token', () => {
  const tokenFor = async (capabilities: string, maxCredits = '50') => {
    const { createClientToken } = await workspace.data<{ createClientToken: { token: string } }>(
      `mutation { createClientToken(input: { ttlSeconds: 600, capabilities: [${capabilities}], maxCredits: "${maxCredits}" }) { token } }`,
    );
    return server.anonymous.as(createClientToken.token);
  };

  it('chats within its capabilities and its budget', async () => {
    const token = await tokenFor('LANGUAGE_MODEL');
    expect((await chat(token)).usage).toMatchObject({ credits: '0.022', remainingBalance: '49.978' });
    const speaker = await tokenFor('TEXT_TO_SPEECH');
    expect(onlyError(await ask(speaker)).extensions.code).toBe('FORBIDDEN');
    const poor = await tokenFor('LANGUAGE_MODEL', '1');
    expect(onlyError(await ask(poor)).extensions).toMatchObject({ code: 'CLIENT_TOKEN_LIMIT_REACHED', available: '1' });
  });

  it('counts an own key at list price', async () => {
    const token = await tokenFor('LANGUAGE_MODEL');
    const { usage } = await chat(token, HELLO, { 'x-provider-key-openai': 'mine' });
    expect(usage).toMatchObject({ credits: '0', remainingBalance: '49.978' });
  });

  it('pays nothing for a chat that it ended before it had any of it', async () => {
    const token = await tokenFor('LANGUAGE_MODEL');
    server.openai.script = () => [...text('Hel'), new Gate()];
    const { extensions } = onlyError(await ask(token, { ...HELLO, routing: { timeoutMs: 1_000 } }));
    expect(extensions).toMatchObject({ code: 'ABORTED', usage: { credits: '0' } });
    const { balance } = await token.data<{ balance: { remaining: string } }>('{ balance { remaining } }');
    expect(balance.remaining).toBe('50');
  });

  it('names no end user', async () => {
    const error = onlyError(await ask(await tokenFor('LANGUAGE_MODEL'), { ...HELLO, endUserId: 'ada' }));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'endUserId' });
  });
});

it('a key without METERED may not chat, but may ask what a chat costs', async () => {
  const { createApiKey } = await workspace.data<{ createApiKey: { secret: string } }>(
    'mutation { createApiKey(input: { name: "Reader", scopes: [READ] }) { secret } }',
  );
  const reader = server.anonymous.as(createApiKey.secret);
  expect(onlyError(await ask(reader)).extensions.code).toBe('FORBIDDEN');
  const { errors } = await reader.graphql('query ($input: ChatInput!) { estimateChat(input: $input) { credits } }', {
    input: HELLO,
  });
  expect(errors).toBeUndefined();
});

it('500 chats at once on a balance for 10 are served 10 times, and the balance is spent to the last', async () => {
  // 5 bytes + 16 + 100 at 1, and 4,096 at 3 credits for 1,000.
  const held = (6 + 16 + 100) / 1_000 + (4_096 * 3) / 1_000;
  server.openai.script = () => [...text('Hi'), ...ending({ inputTokens: 122, outputTokens: 4_096 })];
  const rich = await server.createWorkspace({ credits: (held * 10).toFixed(6) });
  const calls = server.openai.calls.length;
  const answers = await Promise.all(Array.from({ length: 500 }, () => ask(rich)));
  const refused = answers.filter(({ errors }) => errors);
  expect(answers.length - refused.length).toBe(10);
  for (const answer of refused) expect(onlyError(answer).extensions.code).toBe('INSUFFICIENT_CREDITS');
  expect(server.openai.calls.length - calls).toBe(10);
  const { balance } = await rich.data<{ balance: Record<string, string> }>('{ balance { remaining held } }');
  expect(balance).toEqual({ remaining: '0', held: '0' });
});

it('no text of a conversation, and no answer, is ever logged', async () => {
  const question = 'canary question of a chat';
  const reply = 'canary reply of a model';
  server.openai.script = () => [...text(reply), ...ending({ inputTokens: 10, outputTokens: 4 })];
  await chat(workspace, { ...HELLO, messages: [user(question)], idempotencyKey: 'canary' });
  server.openai.script = () => {
    throw new Error('a fault of ours');
  };
  expect(onlyError(await ask(workspace, { ...HELLO, messages: [user(question)] })).extensions.code).toBe(
    'INTERNAL_SERVER_ERROR',
  );
  const log = server.logged.join('\n');
  expect(log).toContain('a chat could not be carried out');
  for (const canary of [question, reply, 'canary-own-key-of-a-chat', 'platform-key']) expect(log).not.toContain(canary);
});
