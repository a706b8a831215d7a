import { type ExecutionResult, graphql, parse, subscribe } from 'graphql';
import { AppError } from '../../src/lib/errors';
import { oneByOne } from '../../src/resolvers/live-events';
import { apiKey, contextOf, recordedServices, schema } from './resolver-support';

const key = apiKey('METERED', 'READ', 'BILLING', 'MANAGE');

async function run(source: string, answers: Record<string, unknown> = {}, variableValues?: Record<string, unknown>) {
  const { services, calls } = recordedServices(answers);
  const result = await graphql({ schema, source, variableValues, contextValue: contextOf(key, services) });
  return { ...result, calls };
}

async function events(source: string, method: string, iterable: AsyncIterable<unknown>): Promise<ExecutionResult[]> {
  const { services } = recordedServices({ [method]: iterable });
  const answer = await subscribe({ schema, document: parse(source), contextValue: contextOf(key, services) });
  if (!(Symbol.asyncIterator in answer)) throw new Error(JSON.stringify(answer));
  const results: ExecutionResult[] = [];
  for await (const result of answer) results.push(result);
  return results;
}

describe('arguments', () => {
  it.each([
    ['{ usageEvents { edges { cursor } } }', { first: 50, after: null }],
    ['{ usageEvents(first: null, after: null) { edges { cursor } } }', { first: 50, after: null }],
    ['{ usageEvents(first: 100, after: "c") { edges { cursor } } }', { first: 100, after: 'c' }],
  ])('%s asks the service for the page %j', async (source, page) => {
    expect((await run(source)).calls).toEqual([{ method: 'usage.events', args: [{}, page] }]);
  });

  it.each([
    ['', 100],
    ['first: null', 100],
    ['first: 7', 7],
  ])('voiceUsage(%s) asks the service for %i rows, as its pages are full ones', async (first, rows) => {
    const days = 'startDate: "2025-05-01", endDate: "2025-05-31"';
    const { calls } = await run(`{ voiceUsage(${days} ${first}) { edges { cursor } } }`);
    expect(calls).toEqual([
      {
        method: 'usageSums.voiceUsage',
        args: [
          { startDate: '2025-05-01', endDate: '2025-05-31' },
          { first: rows, after: null },
        ],
      },
    ]);
  });

  it.each([0, -1, 101])('first: %d is BAD_USER_INPUT and asks nobody', async (first) => {
    for (const field of ['usageEvents', 'apiKeys']) {
      const { errors, calls } = await run(`{ ${field}(first: ${first}) { edges { cursor } } }`);
      expect(errors?.[0]?.originalError).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'first' } });
      expect(calls).toEqual([]);
    }
  });

  it('hands a speech on with its decimals canonical and its defaults left to the operation', async () => {
    const { calls } = await run(
      'mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { replayed } }',
      {},
      { input: { text: 'Hi', maxCredits: '007.50', routing: { timeoutMs: 1000 }, metadata: { team: 'radio' } } },
    );
    expect(calls).toEqual([
      {
        method: 'speech.synthesize',
        args: [{ text: 'Hi', maxCredits: '7.5', routing: { timeoutMs: 1000 }, metadata: { team: 'radio' } }],
      },
    ]);
  });

  it('fills in the defaults of the contract', async () => {
    const { calls } = await run(
      'mutation { rotateApiKey(input: {id: "1"}) { secret } createClientToken(input: {ttlSeconds: 60, capabilities: [TEXT_TO_SPEECH], maxCredits: 5}) { token } }',
    );
    expect(calls.map((call) => call.args[0])).toEqual([
      { id: '1', graceSeconds: 0 },
      {
        ttlSeconds: 60,
        capabilities: ['TEXT_TO_SPEECH'],
        maxCredits: '5',
        requestsPerMinute: 10,
        allowStoredKeys: false,
      },
    ]);
  });

  it('answers a malformed Decimal in a variable with BAD_USER_INPUT and asks nobody', async () => {
    const { errors, calls } = await run(
      'mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { replayed } }',
      {},
      { input: { text: 'Hi', maxCredits: 0.5 } },
    );
    expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(errors?.[0]?.message).toContain('input.maxCredits');
    expect(calls).toEqual([]);
  });
});

describe('fields', () => {
  it('asks for a provider only where it is selected, by the id that the usage carries', async () => {
    const usage = { id: 'u', providerId: 'local' };
    expect((await run('{ usageEvent(id: "u") { id } }', { 'usage.event': usage })).calls).toHaveLength(1);
    const asked = await run('{ usageEvent(id: "u") { provider { id } } }', {
      'usage.event': usage,
      'catalogue.provider': { id: 'local' },
    });
    expect(asked.calls[1]).toEqual({ method: 'catalogue.provider', args: ['local'] });
    expect(asked.data).toEqual({ usageEvent: { provider: { id: 'local' } } });
  });

  it('answers null, and asks nobody, where no provider was asked', async () => {
    const { data, calls } = await run('{ usageEvent(id: "u") { provider { id } } }', {
      'usage.event': { providerId: null },
    });
    expect(data).toEqual({ usageEvent: { provider: null } });
    expect(calls).toHaveLength(1);
  });

  it('calls what is lazy only when it is selected', async () => {
    let counted = 0;
    const workspace = { id: 'w', balance: async () => ({ id: 'w', remaining: String(++counted) }) };
    await run('{ workspace { id } }', { 'workspaces.current': workspace });
    expect(counted).toBe(0);
    const { data } = await run('{ workspace { balance { remaining } } }', { 'workspaces.current': workspace });
    expect(data).toEqual({ workspace: { balance: { remaining: '1' } } });
  });

  it('narrows the models of a provider to a capability', async () => {
    const models = [
      { name: 'speaker', capability: 'TEXT_TO_SPEECH' },
      { name: 'writer', capability: 'LANGUAGE_MODEL' },
    ];
    const { data } = await run(
      '{ providers { models { name } spoken: models(capability: TEXT_TO_SPEECH) { name } } }',
      {
        'catalogue.providers': [{ id: 'p', models }],
      },
    );
    expect(data).toEqual({
      providers: [{ models: [{ name: 'speaker' }, { name: 'writer' }], spoken: [{ name: 'speaker' }] }],
    });
  });

  it('keeps the answers of a document in which one field is refused', async () => {
    const { data, errors } = await run('{ balance { id } usageEvents(first: 0) { edges { cursor } } }', {
      'balance.balance': { id: 'w' },
    });
    expect(data).toEqual({ balance: { id: 'w' }, usageEvents: null });
    expect(errors).toHaveLength(1);
  });
});

describe('live events', () => {
  const stream =
    'subscription { speechStream(input: {text: "Hi"}, after: 3) { __typename ... on SpeechChunk { sequence } } }';

  it('tells the members of a union apart by __typename', async () => {
    async function* source() {
      yield { __typename: 'SpeechStarted', sequence: 0 };
      yield { __typename: 'SpeechChunk', sequence: 1 };
    }
    expect(await events(stream, 'speech.stream', source())).toEqual([
      { data: { speechStream: { __typename: 'SpeechStarted' } } },
      { data: { speechStream: { __typename: 'SpeechChunk', sequence: 1 } } },
    ]);
  });

  it('ends a stream that breaks with one event that carries the error, and then completes', async () => {
    async function* source() {
      yield { __typename: 'SpeechChunk', sequence: 1 };
      throw new AppError('SLOW_CONSUMER', 'Read faster.');
    }
    const results = await events(stream, 'speech.stream', source());
    expect(results).toHaveLength(2);
    expect(results[0]?.errors).toBeUndefined();
    expect(results[1]?.errors?.[0]?.originalError).toMatchObject({ code: 'SLOW_CONSUMER' });
    expect(results[1]?.errors?.[0]?.path).toEqual(['speechStream']);
  });

  it('answers a refusal at the start with an error in place of a stream', async () => {
    const { services } = recordedServices({ 'speech.stream': Promise.reject(new AppError('CONFLICT', 'No.')) });
    const answer = await subscribe({ schema, document: parse(stream), contextValue: contextOf(key, services) });
    expect(answer).toMatchObject({ errors: [{ originalError: { code: 'CONFLICT' } }] });
  });

  it.each([
    ['subscription { usageUpdated(after: "c") { cursor } }', 'live.usageUpdated', ['c']],
    ['subscription { usageUpdated { cursor } }', 'live.usageUpdated', [null]],
    ['subscription { balanceChanged { id } }', 'live.balanceChanged', []],
    [stream, 'speech.stream', [{ text: 'Hi' }, 3]],
  ])('%s opens %s with %j', async (source, method, args) => {
    async function* nothing() {}
    const { services, calls } = recordedServices({ [method]: nothing() });
    await subscribe({ schema, document: parse(source), contextValue: contextOf(key, services) });
    expect(calls).toEqual([{ method, args }]);
  });

  it('reaches the source at once when the subscriber leaves, though an event is being waited for', async () => {
    let left = false;
    const source: AsyncIterable<object> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: async () => {
          left = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const wrapped = oneByOne(source);
    void wrapped.next();
    await wrapped.return?.();
    expect(left).toBe(true);
    expect(await wrapped.next()).toEqual({ done: true, value: undefined });
  });
});
