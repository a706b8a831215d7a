import fc from 'fast-check';
import type { ChatProvider } from '../../../providers/contract/llm';
import { groqChat as adapter } from '../../../providers/groq/llm';
import { httpChatProvider } from '../../../providers/http/chat-provider';
import { assembledChat, chatCall, piecesOf, WEATHER_TOOL } from '../../support/chat-call';
import { openApiDocument } from '../../support/openapi';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { eventOf } from '../../support/provider-stub/chat-script';
import { randomChatCall } from '../../support/random-chat-call';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';

type Changes = Parameters<typeof chatCall>[1];
const requestOf = (changes: Changes = {}) => adapter.request(chatCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = {
    model: 'openai/gpt-oss-120b',
    messages: [{ role: 'user', content: 'What is the tallest mountain of Switzerland?' }],
    max_completion_tokens: 4_096,
    reasoning_effort: 'low',
    include_reasoning: false,
  };
  const qwen = { ...json, model: 'qwen/qwen3.6-27b', reasoning_effort: 'none', include_reasoning: undefined };
  const llama = { ...json, reasoning_effort: undefined, include_reasoning: undefined };
  const format = (strict: boolean, schema: object) => ({
    type: 'json_schema',
    json_schema: { name: 'answer', schema, strict },
  });

  it.each<[string, Changes, object]>([
    ['plain', {}, json],
    ['streaming, without the options that are not documented', { streaming: true }, { ...json, stream: true }],
    [
      'a temperature and a limit',
      { temperature: 2, maxOutputTokens: 9 },
      { ...json, temperature: 2, max_completion_tokens: 9 },
    ],
    ['a model whose reasoning can be switched off', { modelName: 'qwen3.6-27b' }, qwen],
    [
      'a model that does not reason',
      { modelName: 'llama-4-scout' },
      { ...llama, model: 'meta-llama/llama-4-scout-17b-16e-instruct' },
    ],
    [
      'instructions',
      { messages: [{ role: 'SYSTEM', content: 'Be brief.' }] },
      { ...json, messages: [{ role: 'system', content: 'Be brief.' }] },
    ],
    ['tools', { tools: [WEATHER_TOOL] }, { ...json, tools: [{ type: 'function', function: WEATHER_TOOL }] }],
    [
      'a schema, which cannot be streamed',
      { responseSchema: WEATHER_TOOL.parameters, streaming: true },
      { ...json, response_format: format(true, WEATHER_TOOL.parameters) },
    ],
    [
      'a schema for a model that can only be asked to keep to it',
      { responseSchema: WEATHER_TOOL.parameters, modelName: 'llama-4-maverick' },
      {
        ...llama,
        model: 'meta-llama/llama-4-maverick-17b-128e-instruct',
        response_format: format(false, WEATHER_TOOL.parameters),
      },
    ],
  ])('%s', (_name, changes, body) => {
    const request = requestOf(changes);
    expect(request).toEqual({
      method: 'POST',
      path: '/openai/v1/chat/completions',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
      json: body,
    });
  });
});

const spec = openApiDocument('groq.yaml');
(spec === null ? describe.skip : describe)('against the OpenAPI file', () => {
  it('every request is of the documented form', () => {
    fc.assert(
      fc.property(randomChatCall(adapter), (call) => {
        const { path, json } = adapter.request(call, PLATFORM_KEY);
        expect(spec!.requestFaults('post', path, path, JSON.parse(JSON.stringify(json)))).toEqual([]);
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
    ['gpt-oss-120b', 'qwen3.6-27b'].flatMap((modelName) =>
      [true, false].map((streaming) => ({ modelName, streaming })),
    ),
  )('$modelName (streaming: $streaming) takes all that it declares', async (asked) => {
    const messages = [{ role: 'USER', content: 'Please use get_weather.' }] as const;
    const answer = await assembled({ ...asked, messages, tools: [WEATHER_TOOL], temperature: 0 });
    expect(answer).toMatchObject({
      text: 'Let me look. ',
      finish: 'TOOL_CALLS',
      usage: { outputTokens: expect.any(Number) },
    });
    expect(answer.toolCalls.map(({ arguments: written }) => JSON.parse(written))).toEqual([
      { place: 'Zürich "am See"', days: 3 },
    ]);
    if (chatCall(adapter, asked).model.responseSchema) {
      const schema = await assembled({ ...asked, responseSchema: WEATHER_TOOL.parameters });
      expect(JSON.parse(schema.text)).toEqual({ place: 'Zürich "am See"', days: 3 });
    }
    expect(await assembled({ ...asked, maxOutputTokens: 2 })).toMatchObject({ text: 'You said: ', finish: 'LENGTH' });
  });

  it('its own id of the exchange is known with the first piece, streamed or whole', async () => {
    for (const streaming of [true, false]) {
      const { upstreamRequestId, pieces } = await chat({ streaming });
      expect(upstreamRequestId).toBe('req_01stubgroq');
      await piecesOf(pieces);
    }
  });

  it.each<[string, object, object]>([
    [
      'beside its id alone',
      { x_groq: { id: 'a', usage: { prompt_tokens: 7, completion_tokens: 3 } } },
      { inputTokens: 7, outputTokens: 3 },
    ],
    ['at the top alone', { usage: { prompt_tokens: 7, completion_tokens: 3 } }, { inputTokens: 7, outputTokens: 3 }],
    [
      'in both places, once',
      {
        usage: { prompt_tokens: 7, completion_tokens: 3 },
        x_groq: { usage: { prompt_tokens: 7, completion_tokens: 3 } },
      },
      { inputTokens: 7, outputTokens: 3 },
    ],
  ])('figures that stand %s', async (_name, more, usage) => {
    const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], ...more };
    stub.fault(() => ({ kind: 'edit', edit: (events) => [...events.slice(0, 3), eventOf(last), eventOf('[DONE]')] }));
    expect((await assembled({ streaming: true })).usage).toEqual(usage);
  });

  it('a stream that says it stopped early has failed', async () => {
    const stopped = { choices: [], x_groq: { id: 'a', error: 'About capacity' } };
    stub.fault(() => ({
      kind: 'edit',
      edit: (events) => [...events.slice(0, 3), eventOf(stopped), eventOf('[DONE]')],
    }));
    const { failure } = await piecesOf((await chat({ streaming: true })).pieces);
    expect(failure).toMatchObject({
      kind: 'UNAVAILABLE',
      retryable: true,
      upstreamRequestId: 'req_01stubgroq',
      message: expect.stringContaining('About capacity'),
    });
  });

  it('words of thought are none of the answer', async () => {
    const thought = { choices: [{ index: 0, delta: { reasoning: 'Let me think.' }, finish_reason: null }] };
    stub.fault(() => ({ kind: 'edit', edit: (events) => [eventOf(thought), ...events] }));
    expect((await assembled({ streaming: true })).text).not.toContain('think');
  });

  it.each(['llama-4-maverick', 'llama-4-scout'])(
    '%s is gone: REJECTED in the words of the provider',
    async (modelName) => {
      expect(await failureOf(chat({ modelName }))).toMatchObject({
        kind: 'REJECTED',
        retryable: false,
        status: 404,
        providerCode: 'model_not_found',
        message: expect.stringContaining('does not exist'),
      });
    },
  );

  it('a schema beside tools is REJECTED in the words of the provider', async () => {
    const failure = await failureOf(chat({ responseSchema: WEATHER_TOOL.parameters, tools: [WEATHER_TOOL] }));
    expect(failure).toMatchObject({ kind: 'REJECTED', message: expect.stringContaining('cannot be combined') });
  });

  const error = (type: string, code?: string) => ({
    error: { message: `About ${code ?? type}.`, type, ...(code ? { code } : {}) },
  });
  it.each<[number, unknown, string, boolean, string | undefined]>([
    [400, error('invalid_request_error', 'tool_use_failed'), 'REJECTED', false, 'tool_use_failed'],
    [400, error('invalid_request_error', 'json_validate_failed'), 'REJECTED', false, 'json_validate_failed'],
    [401, error('invalid_request_error', 'invalid_api_key'), 'UNAUTHORIZED', false, 'invalid_api_key'],
    [403, error('permissions_error'), 'UNAUTHORIZED', false, 'permissions_error'],
    [404, error('invalid_request_error', 'model_not_found'), 'REJECTED', false, 'model_not_found'],
    [408, error('timeout'), 'TIMEOUT', true, 'timeout'],
    [409, error('conflict'), 'UNAVAILABLE', true, 'conflict'],
    [413, error('tokens', 'rate_limit_exceeded'), 'REJECTED', false, 'rate_limit_exceeded'],
    [422, error('invalid_request_error'), 'REJECTED', false, 'invalid_request_error'],
    [424, error('dependency_error'), 'REJECTED', false, 'dependency_error'],
    [429, error('tokens', 'rate_limit_exceeded'), 'UNAVAILABLE', true, 'rate_limit_exceeded'],
    [498, error('capacity', 'capacity_exceeded'), 'UNAVAILABLE', true, 'capacity_exceeded'],
    [500, error('internal_server_error'), 'UNAVAILABLE', true, 'internal_server_error'],
    [502, 'About the gateway', 'UNAVAILABLE', true, undefined],
    [503, error('service_unavailable'), 'UNAVAILABLE', true, 'service_unavailable'],
  ])('%i %j is %s', async (status, body, kind, retryable, providerCode) => {
    stub.fault(() => ({ kind: 'answer', status, body, headers: { 'retry-after': '3' } }));
    const failure = await failureOf(chat({ streaming: true }));
    expect(failure).toMatchObject({ provider: 'groq', kind, retryable, status, retryAfterMs: 3_000 });
    expect(failure.providerCode).toBe(providerCode);
    expect(failure.message).toMatch(/^Groq .*: About /);
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
    const { usage_breakdown: none, ...whole } = JSON.parse(await ask({}));
    expect(none).toBeNull();
    expect(spec!.schemaFaults('CreateChatCompletionResponse', whole)).toEqual([]);
    for (const event of (await ask({ streaming: true })).split('\n\n').slice(0, -2)) {
      expect(
        spec!.schemaFaults('CreateChatCompletionStreamResponse', JSON.parse(event.slice('data: '.length))),
      ).toEqual([]);
    }
  });
});
