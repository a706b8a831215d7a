import { getEventListeners } from 'node:events';
import { ProviderError } from '../../../providers/contract/errors';
import type { EngineSpeechAdapter } from '../../../providers/contract/tts';
import { engineSpeechProvider } from '../../../providers/engine/speech-provider';
import { bytesOf, failureOf, speakOptions, speechCall } from '../../support/speech-call';

function engine(
  synthesize: EngineSpeechAdapter['synthesize'],
  more: Partial<EngineSpeechAdapter> = {},
): EngineSpeechAdapter {
  return {
    transport: 'engine',
    provider: 'acme',
    name: 'Acme',
    firstParty: true,
    keyHeader: null,
    models: [
      { name: 'one', upstreamId: 'one', charactersMax: 100, languages: ['en'], millisecondsPerCharacterMax: 400 },
    ],
    defaultModel: 'one',
    defaultVoice: 'voice',
    formats: { PCM: { contentType: 'audio/pcm', sampleRates: [16_000], channels: 1 } },
    defaultFormat: 'PCM',
    speed: null,
    styles: null,
    markup: [],
    render: () => 'text',
    voices: async () => [],
    close: async () => undefined,
    synthesize,
    ...more,
  };
}

const never = new Promise<never>(() => undefined);
const speak = (adapter: EngineSpeechAdapter, changes: Parameters<typeof speakOptions>[0] = {}) =>
  engineSpeechProvider(adapter).speak(speechCall(adapter), speakOptions(changes));

it('needs no key and gives every piece in order, without the empty ones', async () => {
  const adapter = engine(async function* () {
    for (const piece of ['', 'one', '', 'two', '']) yield Buffer.from(piece);
  });
  expect(engineSpeechProvider(adapter)).toMatchObject({
    configured: true,
    platformCredential: { source: 'NONE', secret: null },
  });
  const caller = new AbortController();
  const { chunks } = await speak(adapter, { signal: caller.signal });
  expect((await bytesOf(chunks)).toString()).toBe('onetwo');
  expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
});

it('speak resolves with the first piece and not before', async () => {
  let give = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    give = resolve;
  });
  let answered = false;
  const speaking = speak(
    engine(async function* () {
      await ready;
      yield Buffer.from('audio');
    }),
  ).then((response) => {
    answered = true;
    return response;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  give();
  expect((await bytesOf((await speaking).chunks)).toString()).toBe('audio');
});

describe('failures before the first piece reject speak', () => {
  const refusal = new ProviderError({ provider: 'acme', kind: 'REJECTED', message: 'no such voice', retryable: false });

  it.each<[string, EngineSpeechAdapter['synthesize'], object]>([
    ['silence', async function* () {}, { kind: 'UNAVAILABLE', retryable: true }],
    [
      'only empty pieces',
      async function* () {
        yield Buffer.alloc(0);
      },
      { kind: 'UNAVAILABLE' },
    ],
    [
      'its own ProviderError',
      async function* () {
        yield* [];
        throw refusal;
      },
      { kind: 'REJECTED', message: 'no such voice' },
    ],
    [
      'any other error',
      async function* () {
        yield* [];
        throw new Error('/home/engine/voice.bin');
      },
      { kind: 'UNAVAILABLE', message: 'Acme failed while it was speaking.' },
    ],
    [
      'an error before it starts',
      () => {
        throw new Error('no memory');
      },
      { kind: 'UNAVAILABLE' },
    ],
    [
      'too much at once',
      async function* () {
        yield Buffer.alloc(2_000_000);
      },
      { kind: 'REJECTED', retryable: false },
    ],
    [
      'a stall',
      async function* () {
        yield* [];
        await never;
      },
      { kind: 'TIMEOUT', retryable: true },
    ],
  ])('%s', async (_name, synthesize, expected) => {
    const failure = await failureOf(speak(engine(synthesize), { firstByteTimeoutMs: 30, bytesMax: 1_000_000 }));
    expect(failure).toMatchObject({ provider: 'acme', ...expected });
  });
});

describe('failures after the first piece fail the reader, after the pieces that came', () => {
  it.each<[string, EngineSpeechAdapter['synthesize'], object]>([
    [
      'an error',
      async function* () {
        yield Buffer.alloc(10);
        throw new Error('crashed');
      },
      { kind: 'UNAVAILABLE' },
    ],
    [
      'a stall',
      async function* () {
        yield Buffer.alloc(10);
        await never;
      },
      { kind: 'TIMEOUT' },
    ],
    [
      'no end',
      async function* () {
        for (;;) yield Buffer.alloc(10);
      },
      { kind: 'REJECTED' },
    ],
  ])('%s', async (_name, synthesize, expected) => {
    let signal: AbortSignal | undefined;
    const adapter = engine((call, given) => {
      signal = given;
      return synthesize(call, given);
    });
    const { chunks } = await speak(adapter, { idleTimeoutMs: 30, bytesMax: 1_000 });
    const pieces: Uint8Array[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const piece of chunks) pieces.push(piece);
      })(),
    );
    expect(failure).toMatchObject(expected);
    expect(pieces.length).toBeGreaterThan(0);
    expect(signal?.aborted).toBe(true);
  });
});

describe('cancelling', () => {
  it('leaving the loop stops the engine', async () => {
    let stopped = false;
    const adapter = engine(async function* () {
      try {
        for (;;) yield Buffer.alloc(10);
      } finally {
        stopped = true;
      }
    });
    for await (const _ of (await speak(adapter)).chunks) break;
    expect(stopped).toBe(true);
  });

  it.each([['before the first piece'], ['in the middle']])(
    'the signal %s gives CANCELLED, though the engine hangs',
    async (when) => {
      const caller = new AbortController();
      let signal: AbortSignal | undefined;
      const adapter = engine(async function* (_call, given) {
        signal = given;
        if (when === 'in the middle') yield Buffer.alloc(10);
        await never;
      });
      const speaking = speak(adapter, { signal: caller.signal }).then(({ chunks }) => bytesOf(chunks));
      setImmediate(() => caller.abort());
      expect((await failureOf(speaking)).kind).toBe('CANCELLED');
      expect(signal?.aborted).toBe(true);
    },
  );

  it('a signal that was aborted before starts nothing', async () => {
    const synthesize = jest.fn();
    expect((await failureOf(speak(engine(synthesize), { signal: AbortSignal.abort() }))).kind).toBe('CANCELLED');
    expect(synthesize).not.toHaveBeenCalled();
  });
});

it('a list of voices that fails is UNAVAILABLE', async () => {
  const adapter = engine(async function* () {}, { voices: async () => Promise.reject(new Error('gone')) });
  const listing = engineSpeechProvider(adapter).listVoices(
    { source: 'NONE', secret: null },
    new AbortController().signal,
  );
  expect((await failureOf(listing)).kind).toBe('UNAVAILABLE');
});
