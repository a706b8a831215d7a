import fc from 'fast-check';
import type { ChatCall, ChatProvider } from '../../../providers/contract/llm';
import { httpChatProvider } from '../../../providers/http/chat-provider';
import { openAiChat as adapter } from '../../../providers/openai/llm';
import { assembledChat, chatCall, piecesOf, WEATHER_TOOL } from '../../support/chat-call';
import { openApiDocument } from '../../support/openapi';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { eventOf } from '../../support/provider-stub/chat-script';
import { randomChatCall } from '../../support/random-chat-call';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';

type Changes = Parameters<typeof chatCall>[1];
const requestOf = (changes: Changes = {}) => adapter.request(chatCall(adapter, changes), PLATFORM_KEY);
const STRICT = {
  type: 'object',
  properties: { name: { type: 'string' } },
  required: ['name'],
  additionalProperties: false,
};

describe('the request, field by field', () => {
  const json = {
    model: 'gpt-5.2',
    messages: [{ role: 'user', content: 'What is the tallest mountain of Switzerland?' }],
    max_completion_tokens: 4_096,
    reasoning_effort: 'none',
  };
  const older = { ...json, model: 'gpt-4.1', reasoning_effort: undefined };

  it.each<[string, Changes, object]>([
    ['plain', {}, json],
    ['streaming', { streaming: true }, { ...json, stream: true, stream_options: { include_usage: true } }],
    ['a limit', { maxOutputTokens: 7 }, { ...json, max_completion_tokens: 7 }],
    ['a temperature', { temperature: 0 }, { ...json, temperature: 0 }],
    ['a model that does not reason', { modelName: 'gpt-4.1' }, older],
    ['a model that reasons by default', { modelName: 'gpt-5.6-luna' }, { ...json, model: 'gpt-5.6-luna' }],
    [
      'instructions',
      { messages: [{ role: 'SYSTEM', content: 'Be brief.' }] },
      { ...json, messages: [{ role: 'developer', content: 'Be brief.' }] },
    ],
    [
      'instructions to a model that does not reason',
      { modelName: 'gpt-4.1', messages: [{ role: 'SYSTEM', content: 'Be brief.' }] },
      { ...older, messages: [{ role: 'system', content: 'Be brief.' }] },
    ],
    [
      'tools',
      { tools: [WEATHER_TOOL, { name: 'now', description: null, parameters: { type: 'object' } }] },
      {
        ...json,
        tools: [
          { type: 'function', function: WEATHER_TOOL },
          { type: 'function', function: { name: 'now', parameters: { type: 'object' } } },
        ],
      },
    ],
    [
      'tool calls and their results',
      {
        messages: [
          { role: 'ASSISTANT', content: '', toolCalls: [{ id: 'call_1', name: 'now', arguments: '{ "zone" :1}' }] },
          { role: 'TOOL', toolCallId: 'call_1', content: '12:00' },
          { role: 'ASSISTANT', content: 'Noon.', toolCalls: [] },
        ],
      },
      {
        ...json,
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'now', arguments: '{ "zone" :1}' } }],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '12:00' },
          { role: 'assistant', content: 'Noon.' },
        ],
      },
    ],
    [
      'a schema that can be enforced',
      { responseSchema: STRICT },
      {
        ...json,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: STRICT, strict: true } },
      },
    ],
  ])('%s', (_name, changes, body) => {
    const request = requestOf(changes);
    expect(request).toEqual({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
      json: body,
    });
    // What is undefined is not sent, so it must not be there at all.
    expect(JSON.parse(JSON.stringify(request.json))).toStrictEqual(JSON.parse(JSON.stringify(body)));
  });

  it.each<[string, object, object, boolean]>([
    [
      'objects left open are closed, as nothing else was asked for',
      { ...STRICT, additionalProperties: undefined },
      STRICT,
      true,
    ],
    ['a property that may be left out', { ...STRICT, required: [] }, { ...STRICT, required: [] }, false],
    ['an object of anything', { type: 'object' }, { type: 'object' }, false],
    [
      'an object with more than its names',
      { ...STRICT, additionalProperties: true },
      { ...STRICT, additionalProperties: true },
      false,
    ],
    [
      'a keyword that is not enforced',
      nested({ type: 'string', minLength: 2 }),
      nested({ type: 'string', minLength: 2 }),
      false,
    ],
    [
      'a format that is not enforced',
      nested({ type: 'string', format: 'uri' }),
      nested({ type: 'string', format: 'uri' }),
      false,
    ],
    ['parts that must hold together', nested({ allOf: [STRICT] }), nested({ allOf: [STRICT] }), false],
    ['a list', { type: 'array', items: STRICT }, { type: 'array', items: STRICT }, false],
    [
      'an open object in an alternative',
      nested({ anyOf: [open(), { type: 'null' }] }),
      nested({ anyOf: [STRICT, { type: 'null' }] }),
      true,
    ],
    [
      'an open object in a list',
      nested({ type: 'array', items: open() }),
      nested({ type: 'array', items: STRICT }),
      true,
    ],
  ])('schema: %s', (_name, schema, sent, strict) => {
    const written = JSON.parse(JSON.stringify(schema));
    const { json_schema: format } = (
      requestOf({ responseSchema: written }).json as { response_format: { json_schema: object } }
    ).response_format;
    expect(format).toEqual({ name: 'answer', schema: sent, strict });
    expect(written).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  function open() {
    return { type: 'object', properties: STRICT.properties, required: ['name'] };
  }
  function nested(inner: object) {
    return { type: 'object', properties: { inner }, required: ['inner'], additionalProperties: false };
  }
});

const spec = openApiDocument('openai.yaml');
(spec === null ? describe.skip : describe)('against the OpenAPI file', () => {
  it('every request is of the documented form', () => {
    fc.assert(
      fc.property(randomChatCall(adapter), (call) => {
        const { path, json } = adapter.request(call, PLATFORM_KEY);
        expect(spec!.requestFaults('post', '/chat/completions', path, JSON.parse(JSON.stringify(json)))).toEqual([]);
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
  afterEach(() => {
    stub.fault(null);
    stub.refusedKeys.clear();
  });
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });
  const options = () => speakOptions({ credential: PLATFORM_KEY });
  const chat = (changes: Changes = {}) => provider.chat(chatCall(adapter, changes), options());
  const assembled = async (changes: Changes) => assembledChat((await piecesOf((await chat(changes)).pieces)).pieces);

  const served = ['gpt-5.2', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-5.6-luna'];
  const every = served.flatMap((modelName) => [true, false].map((streaming) => ({ modelName, streaming })));

  it.each(every)('$modelName (streaming: $streaming) takes all that it declares', async (asked) => {
    const messages: ChatCall['messages'] = [
      { role: 'SYSTEM', content: 'Be brief.' },
      { role: 'USER', content: 'Please use get_weather.' },
    ];
    const answer = await assembled({ ...asked, messages, tools: [WEATHER_TOOL], temperature: 0.3 });
    expect(answer).toMatchObject({ text: 'Let me look. ', finish: 'TOOL_CALLS' });
    expect(answer.toolCalls).toEqual([
      { id: 'call_0_get_weather', name: 'get_weather', arguments: '{"place":"Zürich \\"am See\\"","days":3}' },
    ]);
    const schema = await assembled({ ...asked, responseSchema: WEATHER_TOOL.parameters });
    expect(JSON.parse(schema.text)).toEqual({ place: 'Zürich "am See"', days: 3 });
    expect(await assembled({ ...asked, maxOutputTokens: 2 })).toMatchObject({ text: 'You said: ', finish: 'LENGTH' });
  });

  it('cached tokens are input and reasoning tokens are output: neither is added', async () => {
    const answer = await chat();
    expect(answer.upstreamRequestId).toBe('req_stub_openai');
    const { usage } = assembledChat((await piecesOf(answer.pieces)).pieces);
    expect(usage).toEqual({ inputTokens: expect.any(Number), outputTokens: 9 });
    stub.fault(() => ({
      kind: 'answer',
      status: 200,
      body: {
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
        usage: {
          prompt_tokens: 1_500,
          completion_tokens: 321,
          total_tokens: 1_821,
          prompt_tokens_details: { cached_tokens: 1_024, cache_write_tokens: 300 },
          completion_tokens_details: { reasoning_tokens: 300 },
        },
      },
    }));
    expect((await assembled({})).usage).toEqual({ inputTokens: 1_500, outputTokens: 321 });
  });

  it('a model that is gone is REJECTED in the words of the provider', async () => {
    expect(await failureOf(chat({ modelName: 'gpt-4.1-nano' }))).toMatchObject({
      kind: 'REJECTED',
      retryable: false,
      status: 404,
      providerCode: 'model_not_found',
      message: expect.stringContaining('gpt-4.1-nano'),
    });
  });

  it('a key that is refused is UNAUTHORIZED', async () => {
    stub.refusedKeys.add(PLATFORM_KEY.secret!);
    expect(await failureOf(chat())).toMatchObject({
      kind: 'UNAUTHORIZED',
      retryable: false,
      providerCode: 'invalid_api_key',
    });
  });

  const error = (type: string, code: string | null = null) => ({
    error: { message: `About ${code ?? type}.`, type, param: null, code },
  });
  it.each<[number, object, Record<string, string>, string, boolean, string]>([
    [400, error('invalid_request_error', 'context_length_exceeded'), {}, 'REJECTED', false, 'context_length_exceeded'],
    [400, error('invalid_request_error', 'unsupported_value'), {}, 'REJECTED', false, 'unsupported_value'],
    [401, error('invalid_request_error', 'invalid_api_key'), {}, 'UNAUTHORIZED', false, 'invalid_api_key'],
    [403, error('permission_error'), {}, 'UNAUTHORIZED', false, 'permission_error'],
    [404, error('invalid_request_error', 'model_not_found'), {}, 'REJECTED', false, 'model_not_found'],
    [408, error('timeout'), {}, 'TIMEOUT', true, 'timeout'],
    [409, error('conflict'), {}, 'UNAVAILABLE', true, 'conflict'],
    [422, error('invalid_request_error'), {}, 'REJECTED', false, 'invalid_request_error'],
    [429, error('requests', 'rate_limit_exceeded'), { 'retry-after': '2' }, 'UNAVAILABLE', true, 'rate_limit_exceeded'],
    [429, error('insufficient_quota', 'insufficient_quota'), {}, 'UNAVAILABLE', false, 'insufficient_quota'],
    [500, error('server_error'), {}, 'UNAVAILABLE', true, 'server_error'],
    [503, error('server_error', 'overloaded'), {}, 'UNAVAILABLE', true, 'overloaded'],
    [503, error('server_error'), { 'x-should-retry': 'false' }, 'UNAVAILABLE', false, 'server_error'],
  ])('%i %j %j is %s', async (status, body, headers, kind, retryable, providerCode) => {
    stub.fault(() => ({ kind: 'answer', status, body, headers: { 'x-request-id': 'req_7', ...headers } }));
    for (const streaming of [true, false]) {
      expect(await failureOf(chat({ streaming }))).toMatchObject({
        provider: 'openai',
        kind,
        retryable,
        status,
        providerCode,
        upstreamRequestId: 'req_7',
        message: expect.stringMatching(/^OpenAI .*: About /),
      });
    }
  });

  it.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '2', 'retry-after-ms': '150' }, 150],
  ])('%j is a wait of %i ms', async (headers, retryAfterMs) => {
    stub.fault(() => ({
      kind: 'answer',
      status: 429,
      body: error('requests'),
      headers: headers as Record<string, string>,
    }));
    expect(await failureOf(chat())).toMatchObject({ retryable: true, retryAfterMs });
  });

  it.each<[string, object, string, boolean]>([
    ['a fault of the server', error('server_error'), 'UNAVAILABLE', true],
    ['a limit', error('requests', 'rate_limit_exceeded'), 'UNAVAILABLE', true],
    ['a used up quota', error('insufficient_quota', 'insufficient_quota'), 'UNAVAILABLE', false],
    ['a refusal', error('invalid_request_error', 'context_length_exceeded'), 'REJECTED', false],
    ['a key', error('invalid_request_error', 'invalid_api_key'), 'UNAUTHORIZED', false],
    ['something new', error('odd', 'odd'), 'UNAVAILABLE', true],
    ['a bare sentence', { error: 'About it.' }, 'UNAVAILABLE', true],
  ])('%s inside an answer that began as a success is that failure', async (_name, body, kind, retryable) => {
    stub.fault(() => ({ kind: 'error-in-200', body }));
    for (const streaming of [true, false]) {
      expect(await failureOf(chat({ streaming }))).toMatchObject({
        kind,
        retryable,
        message: expect.stringContaining('About'),
      });
    }
    for (const name of ['error', undefined]) {
      stub.fault(() => ({
        kind: 'edit',
        edit: (events) => [...events.slice(0, 4), eventOf(body, name), ...events.slice(4)],
      }));
      const { pieces, failure } = await piecesOf((await chat({ streaming: true })).pieces);
      expect(assembledChat(pieces)).toMatchObject({ text: 'You said: What ', finish: null, usage: null });
      expect(failure).toMatchObject({ kind, retryable });
    }
  });

  it('a refusal of the model is its text, and a finish of its own', async () => {
    const refusal = 'I cannot help with that.';
    const usage = { prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 };
    const message = { role: 'assistant', content: null, refusal };
    stub.fault(() => ({
      kind: 'answer',
      status: 200,
      body: { choices: [{ index: 0, message, finish_reason: 'stop' }], usage },
    }));
    expect(await assembled({})).toMatchObject({ text: refusal, finish: 'CONTENT_FILTER' });
    const chunk = (delta: object, reason: string | null) =>
      eventOf({ choices: [{ index: 0, delta, finish_reason: reason }] });
    stub.fault(() => ({
      kind: 'edit',
      edit: () => [chunk({ refusal }, null), chunk({}, 'stop'), eventOf({ choices: [], usage }), eventOf('[DONE]')],
    }));
    expect(await assembled({ streaming: true })).toMatchObject({ text: refusal, finish: 'CONTENT_FILTER' });
  });

  it('arguments that are no JSON are passed on as the model wrote them', async () => {
    const call = (index: number, id: string | null, written: string) => ({
      index,
      ...(id === null ? {} : { id, type: 'function' }),
      function: { ...(id === null ? {} : { name: `tool_${index}` }), arguments: written },
    });
    const chunk = (calls: object[]) =>
      eventOf({ choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: null }] });
    stub.fault(() => ({
      kind: 'edit',
      edit: () => [
        chunk([call(3, 'a', '{"x": ')]),
        chunk([call(5, 'b', ''), call(3, null, 'oops')]),
        chunk([call(5, null, '{ }')]),
        eventOf({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }),
        eventOf({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }),
        eventOf('[DONE]'),
      ],
    }));
    expect((await assembled({ streaming: true })).toolCalls).toEqual([
      { id: 'a', name: 'tool_3', arguments: '{"x": oops' },
      { id: 'b', name: 'tool_5', arguments: '{ }' },
    ]);
  });

  it.each<[string, object]>([
    ['no choices', { choices: [] }],
    ['no message', { choices: [{ index: 0, finish_reason: 'stop' }] }],
    ['text that is none', { choices: [{ index: 0, message: { content: 7 } }] }],
    [
      'a call without a name',
      { choices: [{ index: 0, message: { tool_calls: [{ id: 'a', function: { arguments: '' } }] } }] },
    ],
    ['a list of nothing', { choices: [{ index: 0, message: { tool_calls: [null] } }] }],
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
    expect(spec!.schemaFaults('CreateChatCompletionResponse', JSON.parse(await ask(tools)))).toEqual([]);
    for (const event of (await ask({ ...tools, streaming: true })).split('\n\n').slice(0, -2)) {
      expect(
        spec!.schemaFaults('CreateChatCompletionStreamResponse', JSON.parse(event.slice('data: '.length))),
      ).toEqual([]);
    }
  });
});
