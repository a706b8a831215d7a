import fc from 'fast-check';
import { anthropicChat as adapter } from '../../../providers/anthropic/llm';
import type { ChatMessage, ChatProvider } from '../../../providers/contract/llm';
import { httpChatProvider } from '../../../providers/http/chat-provider';
import { assembledChat, chatCall, piecesOf, WEATHER_TOOL } from '../../support/chat-call';
import { openApiDocument } from '../../support/openapi';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { eventOf } from '../../support/provider-stub/chat-script';
import { randomChatCall } from '../../support/random-chat-call';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';

type Changes = Parameters<typeof chatCall>[1];
const requestOf = (changes: Changes = {}) => adapter.request(chatCall(adapter, changes), PLATFORM_KEY);
const messagesOf = (messages: readonly ChatMessage[]) =>
  (requestOf({ messages }).json as { messages: unknown }).messages;

describe('the request, field by field', () => {
  const json = {
    model: 'claude-sonnet-5-5',
    max_tokens: 4_096,
    messages: [{ role: 'user', content: 'What is the tallest mountain of Switzerland?' }],
    output_config: { effort: 'low' },
  };
  const older = { ...json, model: 'claude-sonnet-4-20250514', output_config: undefined };

  it.each<[string, Changes, object, string?]>([
    ['plain', {}, json],
    ['streaming', { streaming: true }, { ...json, stream: true }],
    ['a limit', { maxOutputTokens: 7 }, { ...json, max_tokens: 7 }],
    ['the small model', { modelName: 'claude-haiku-5-5' }, { ...json, model: 'claude-haiku-5-5' }],
    ['an older model', { modelName: 'claude-sonnet-4' }, older, '2023-06-01'],
    ['a temperature', { modelName: 'claude-sonnet-4', temperature: 0.2 }, { ...older, temperature: 0.2 }, '2023-06-01'],
    [
      'instructions, wherever they stand',
      {
        messages: [
          { role: 'SYSTEM', content: 'Be brief.' },
          { role: 'USER', content: 'Hi' },
          { role: 'SYSTEM', content: 'Be kind.' },
        ],
      },
      { ...json, system: 'Be brief.\n\nBe kind.', messages: [{ role: 'user', content: 'Hi' }] },
    ],
    [
      'tools',
      { tools: [WEATHER_TOOL, { name: 'now', description: null, parameters: {} }] },
      {
        ...json,
        tools: [
          { name: 'get_weather', description: 'The weather of a place.', input_schema: WEATHER_TOOL.parameters },
          { name: 'now', input_schema: { type: 'object' } },
        ],
      },
    ],
    [
      'a schema, its objects closed',
      { responseSchema: { type: 'object', properties: { name: { type: 'string' } } } },
      {
        ...json,
        output_config: {
          effort: 'low',
          format: {
            type: 'json_schema',
            schema: { type: 'object', properties: { name: { type: 'string' } }, additionalProperties: false },
          },
        },
      },
    ],
    [
      'a schema that cannot be closed, for the provider to judge',
      { responseSchema: { type: 'object' } },
      { ...json, output_config: { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } } },
    ],
  ])('%s', (_name, changes, body, version = '2026-10-21') => {
    expect(requestOf(changes)).toEqual({
      method: 'POST',
      path: '/v1/messages',
      headers: { 'anthropic-version': version, 'x-api-key': PLATFORM_KEY.secret },
      json: body,
    });
  });

  it.each<[string, ChatMessage[], unknown]>([
    [
      'neighbours of one role become one turn',
      [
        { role: 'USER', content: 'One.' },
        { role: 'USER', content: 'Two.' },
        { role: 'ASSISTANT', content: 'Three.', toolCalls: [] },
      ],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'One.' },
            { type: 'text', text: 'Two.' },
          ],
        },
        { role: 'assistant', content: 'Three.' },
      ],
    ],
    [
      'results are one turn of the user, and come first in it',
      [
        {
          role: 'ASSISTANT',
          content: 'Let me look.',
          toolCalls: [
            { id: 'toolu_1', name: 'now', arguments: '' },
            { id: 'call.2', name: 'then', arguments: '{"a": [1]}' },
          ],
        },
        { role: 'USER', content: 'Hurry!' },
        { role: 'TOOL', toolCallId: 'toolu_1', content: '12:00' },
        { role: 'TOOL', toolCallId: 'call.2', content: '' },
      ],
      [
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Let me look.' },
            { type: 'tool_use', id: 'toolu_1', name: 'now', input: {} },
            { type: 'tool_use', id: 'call_63616c6c2e32', name: 'then', input: { a: [1] } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: '12:00' },
            { type: 'tool_result', tool_use_id: 'call_63616c6c2e32', content: '' },
            { type: 'text', text: 'Hurry!' },
          ],
        },
      ],
    ],
    [
      'white space alone is left out, as the API refuses it',
      [
        { role: 'SYSTEM', content: ' ' },
        { role: 'USER', content: ' \n' },
        { role: 'USER', content: 'Hi' },
        { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'a', name: 'now', arguments: '{}' }] },
      ],
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'now', input: {} }] },
      ],
    ],
  ])('%s', (_name, messages, turns) => {
    expect(messagesOf(messages)).toEqual(turns);
  });

  it.each(['{"x": oops', '[1]', '"text"', 'null'])('arguments %j are refused before anything is sent', (written) => {
    const messages: ChatMessage[] = [
      { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'a', name: 'now', arguments: written }] },
    ];
    expect(() => requestOf({ messages })).toThrow(
      expect.objectContaining({
        kind: 'REJECTED',
        retryable: false,
        message: expect.stringMatching(/tool now are not a JSON object/),
      }),
    );
  });
});

const spec = openApiDocument('anthropic.yaml');
(spec === null ? describe.skip : describe)('against the OpenAPI file', () => {
  it('every request is of the documented form', () => {
    fc.assert(
      fc.property(randomChatCall(adapter), (call) => {
        const { path, json, headers } = adapter.request(call, PLATFORM_KEY);
        expect(spec!.requestFaults('post', '/v1/messages', path, JSON.parse(JSON.stringify(json)))).toEqual([]);
        expect(spec!.headerFaults('post', '/v1/messages', headers)).toEqual([]);
      }),
    );
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: ChatProvider;
  beforeAll(async () => {
    stub = await startProviderStub();
    provider = httpChatProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(() => stub.fault(null));
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });
  const chat = (changes: Changes = {}) =>
    provider.chat(chatCall(adapter, changes), speakOptions({ credential: PLATFORM_KEY }));
  const assembled = async (changes: Changes = {}) =>
    assembledChat((await piecesOf((await chat(changes)).pieces)).pieces);

  it.each(
    ['claude-sonnet-5-5', 'claude-haiku-5-5'].flatMap((modelName) =>
      [true, false].map((streaming) => ({ modelName, streaming })),
    ),
  )('$modelName (streaming: $streaming) takes all that it declares', async (asked) => {
    const tools = [WEATHER_TOOL, { name: 'now', description: null, parameters: { type: 'object' } }];
    const question: ChatMessage = { role: 'USER', content: 'Use get_weather and now.' };
    const answer = await assembled({ ...asked, messages: [{ role: 'SYSTEM', content: 'Be brief.' }, question], tools });
    expect(answer).toMatchObject({ text: 'Let me look. ', finish: 'TOOL_CALLS' });
    expect(answer.toolCalls).toEqual([
      { id: 'call_0_get_weather', name: 'get_weather', arguments: '{"place":"Zürich \\"am See\\"","days":3}' },
      { id: 'call_1_now', name: 'now', arguments: '{}' },
    ]);
    // The answer goes back as it came, with the results that it asked for.
    const history: ChatMessage[] = [
      question,
      { role: 'ASSISTANT', content: answer.text, toolCalls: answer.toolCalls },
      ...answer.toolCalls.map(({ id }): ChatMessage => ({ role: 'TOOL', toolCallId: id, content: 'Sunny' })),
    ];
    expect(await assembled({ ...asked, messages: history, tools })).toMatchObject({ finish: 'STOP', toolCalls: [] });
    const schema = await assembled({ ...asked, responseSchema: WEATHER_TOOL.parameters });
    expect(JSON.parse(schema.text)).toEqual({ place: 'Zürich "am See"', days: 3 });
    expect(await assembled({ ...asked, maxOutputTokens: 2 })).toMatchObject({ text: 'You said: ', finish: 'LENGTH' });
  });

  it('tokens read from a cache and written to one are input, and are added', async () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 200,
      cache_read_input_tokens: 3_000,
      output_tokens: 1_000,
    };
    const body = { type: 'message', content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn', usage };
    stub.fault(() => ({ kind: 'answer', status: 200, body }));
    expect((await assembled()).usage).toEqual({ inputTokens: 3_210, outputTokens: 1_000 });
    stub.fault(() => ({
      kind: 'answer',
      status: 200,
      body: { ...body, usage: { input_tokens: 10, cache_creation_input_tokens: null, output_tokens: 1 } },
    }));
    expect((await assembled()).usage).toEqual({ inputTokens: 10, outputTokens: 1 });
    stub.fault(() => ({
      kind: 'answer',
      status: 200,
      body: { ...body, usage: { ...usage, cache_read_input_tokens: -10 } },
    }));
    expect(await failureOf(chat())).toMatchObject({ kind: 'REJECTED' });
  });

  it.each<[string, object, object[], [number, number]]>([
    [
      'from the start, where the end is silent',
      { input_tokens: 10, cache_read_input_tokens: 5 },
      [{ output_tokens: 9 }],
      [15, 9],
    ],
    [
      'from the end, where it speaks',
      { input_tokens: 10 },
      [{ input_tokens: 12, cache_creation_input_tokens: 4, output_tokens: 9 }],
      [16, 9],
    ],
    [
      'nulls are silence',
      { input_tokens: 10, cache_read_input_tokens: 5 },
      [{ input_tokens: null, cache_read_input_tokens: null, output_tokens: 9 }],
      [15, 9],
    ],
    [
      'the last stands, nothing is summed',
      { input_tokens: 10 },
      [{ output_tokens: 9 }, { output_tokens: 30 }],
      [10, 30],
    ],
  ])('figures of a stream: %s', async (_name, start, ends, [inputTokens, outputTokens]) => {
    const events = [
      { type: 'message_start', message: { usage: { ...start, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Hi' } },
      ...ends.map((usage) => ({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage })),
      { type: 'message_stop' },
    ];
    stub.fault(() => ({ kind: 'edit', edit: () => events.map((event) => eventOf(event, event.type)) }));
    expect(await assembled({ streaming: true })).toEqual({
      text: 'Hi',
      toolCalls: [],
      finish: 'STOP',
      usage: { inputTokens, outputTokens },
    });
  });

  it('a stream whose end says nothing of its output cannot be charged by what its start says', async () => {
    stub.fault(() => ({
      kind: 'edit',
      edit: (events) =>
        events.map((event) => event.toString().replace(/"usage":\{[^{}]*"server_tool_use":null\}/, '"usage":null')),
    }));
    const { failure } = await piecesOf((await chat({ streaming: true })).pieces);
    expect(failure).toMatchObject({ kind: 'REJECTED', message: expect.stringContaining('cannot be charged') });
  });

  it.each([
    ['end_turn', 'STOP'],
    ['stop_sequence', 'STOP'],
    ['max_tokens', 'LENGTH'],
    ['model_context_window_exceeded', 'LENGTH'],
    ['tool_use', 'TOOL_CALLS'],
    ['refusal', 'CONTENT_FILTER'],
    ['pause_turn', 'OTHER'],
    ['something new', 'OTHER'],
  ])('%s is %s', async (reason, finish) => {
    const body = { type: 'message', content: [], stop_reason: reason, usage: { input_tokens: 1, output_tokens: 0 } };
    stub.fault(() => ({ kind: 'answer', status: 200, body }));
    expect((await assembled()).finish).toBe(finish);
  });

  it.each(['claude-sonnet-4', 'claude-haiku-3.5'])(
    '%s is gone: REJECTED in the words of the provider',
    async (modelName) => {
      expect(await failureOf(chat({ modelName }))).toMatchObject({
        kind: 'REJECTED',
        retryable: false,
        status: 404,
        providerCode: 'not_found_error',
        upstreamRequestId: 'req_stub_anthropic',
      });
    },
  );

  const error = (type: string) => ({ type: 'error', error: { type, message: `About ${type}.` }, request_id: 'req_9' });
  it.each<[number, string, Record<string, string>, string, boolean]>([
    [400, 'invalid_request_error', {}, 'REJECTED', false],
    [401, 'authentication_error', {}, 'UNAUTHORIZED', false],
    [402, 'billing_error', {}, 'UNAUTHORIZED', false],
    [403, 'permission_error', {}, 'UNAUTHORIZED', false],
    [404, 'not_found_error', {}, 'REJECTED', false],
    [409, 'conflict_error', {}, 'UNAVAILABLE', true],
    [413, 'request_too_large', {}, 'REJECTED', false],
    [429, 'rate_limit_error', { 'retry-after': '4' }, 'UNAVAILABLE', true],
    [429, 'rate_limit_error', {}, 'UNAVAILABLE', false],
    [500, 'api_error', {}, 'UNAVAILABLE', true],
    [504, 'timeout_error', {}, 'UNAVAILABLE', true],
    [529, 'overloaded_error', {}, 'UNAVAILABLE', true],
    [529, 'overloaded_error', { 'x-should-retry': 'false' }, 'UNAVAILABLE', false],
  ])('%i %s %j is %s (retryable: %s)', async (status, type, headers, kind, retryable) => {
    stub.fault(() => ({ kind: 'answer', status, body: error(type), headers: { 'request-id': 'req_9', ...headers } }));
    expect(await failureOf(chat({ streaming: true }))).toMatchObject({
      provider: 'anthropic',
      kind,
      retryable,
      status,
      providerCode: type,
      upstreamRequestId: 'req_9',
      message: expect.stringMatching(/^Anthropic .*: About /),
    });
  });

  it.each<[string, string, boolean]>([
    ['overloaded_error', 'UNAVAILABLE', true],
    ['api_error', 'UNAVAILABLE', true],
    ['rate_limit_error', 'UNAVAILABLE', true],
    ['timeout_error', 'UNAVAILABLE', true],
    ['invalid_request_error', 'REJECTED', false],
    ['authentication_error', 'UNAUTHORIZED', false],
    ['something_new', 'UNAVAILABLE', true],
  ])('%s after a 200 is %s', async (type, kind, retryable) => {
    const expected = { kind, retryable, providerCode: type, message: expect.stringContaining('About') };
    stub.fault(() => ({ kind: 'error-in-200', body: error(type) }));
    expect(await failureOf(chat())).toMatchObject(expected);
    // As the first event nobody has heard anything yet: the call fails, and another route may be tried.
    stub.fault(() => ({ kind: 'edit', edit: (events) => [events[0]!, eventOf(error(type), 'error')] }));
    expect(await failureOf(chat({ streaming: true }))).toMatchObject(expected);
    stub.fault(() => ({ kind: 'edit', edit: (events) => [...events.slice(0, 9), eventOf(error(type), 'error')] }));
    const { pieces, failure } = await piecesOf((await chat({ streaming: true })).pieces);
    expect(assembledChat(pieces)).toMatchObject({ text: 'You said: ', finish: null });
    expect(failure).toMatchObject(expected);
  });

  it.each<[string, object]>([
    ['no content', { type: 'message' }],
    ['text that is none', { type: 'message', content: [{ type: 'text' }] }],
    ['a call without a name', { type: 'message', content: [{ type: 'tool_use', id: 'a', input: {} }] }],
  ])('an answer with %s is REJECTED', async (_name, body) => {
    stub.fault(() => ({ kind: 'answer', status: 200, body }));
    expect(await failureOf(chat())).toMatchObject({ kind: 'REJECTED', retryable: false, status: 200 });
  });

  const skipped = spec === null ? it.skip : it;
  skipped('the stand-in answers in the documented form', async () => {
    const { path, headers } = requestOf();
    const ask = async (changes: Changes) => {
      const body = JSON.stringify(requestOf(changes).json);
      return (
        await fetch(stub.url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        })
      ).text();
    };
    const tools = { tools: [WEATHER_TOOL], messages: [{ role: 'USER', content: 'get_weather' }] } as const;
    expect(spec!.schemaFaults('Message', JSON.parse(await ask(tools)))).toEqual([]);
    for (const event of (await ask({ ...tools, streaming: true })).split('\n\n').slice(0, -1)) {
      const [, data] = /^event: \w+\ndata: (.*)$/.exec(event)!;
      expect(spec!.schemaFaults('MessageStreamEvent', JSON.parse(data!))).toEqual([]);
    }
  });
});
