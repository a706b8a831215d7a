import fc from 'fast-check';
import type { AudioFormat } from '../../providers/contract/audio';
import type { Credential } from '../../providers/contract/credential';
import { ProviderError, type ProviderErrorKind } from '../../providers/contract/errors';
import type { ProviderRequest } from '../../providers/contract/provider';
import type { SpeechSpan } from '../../providers/contract/speech-text';
import type { HttpSpeechAdapter, SpeechCall, SpeechModel, SpeechProvider } from '../../providers/contract/tts';
import { httpSpeechProvider } from '../../providers/http/speech-provider';
import { assembledAudio } from './assembled-audio';
import { Gate, type ProviderStub, type StubFault, speechMilliseconds, startProviderStub } from './provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from './speech-call';

/** Long enough that every format comes in several pieces. */
const LONG_TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(33).trim();
const LONG: SpeechSpan[] = [{ kind: 'text', text: LONG_TEXT }];
/** The least that is looked for in what must not show it. */
const CANARY = 'canary-0123456789-abcdef';

export interface DocumentedError {
  readonly status: number;
  readonly body: unknown;
  readonly kind: ProviderErrorKind;
  readonly retryable: boolean;
  readonly code?: string;
}

export interface SpeechAdapterSubject {
  readonly adapter: HttpSpeechAdapter;
  /** Where and how the provider takes its key. */
  readonly keyHeader: string;
  keyValue(secret: string): string;
  /** An error body of the provider's with these words. */
  errorWith(message: string): unknown;
  /** Bodies as the documents have them; each says "About ..." somewhere. */
  readonly errors: readonly DocumentedError[];
  /** What an error inside a 200 is, where no status tells it. */
  readonly errorInside: { readonly kind: ProviderErrorKind; readonly retryable: boolean };
  /** The refusal of a text of one character more than the model declares; left out where no limit is documented. */
  readonly tooLong?: { readonly kind: ProviderErrorKind; readonly status: number };
}

/** Every format with every rate that an adapter offers, wanted while it comes or whole. */
export function everyOutput(
  adapter: HttpSpeechAdapter,
): { readonly format: AudioFormat; readonly sampleRate: number; readonly streaming: boolean }[] {
  return Object.entries(adapter.formats).flatMap(([format, offer]) =>
    offer.sampleRates.flatMap((sampleRate) =>
      [true, false].map((streaming) => ({ format: format as AudioFormat, sampleRate, streaming })),
    ),
  );
}

/** Any call that the declaration allows. */
export function anyCall(
  adapter: HttpSpeechAdapter,
  voicesOf: (model: SpeechModel) => readonly string[] = () => [adapter.defaultVoice, 'ä b/c?d'],
): fc.Arbitrary<SpeechCall> {
  const spans = fc.oneof(
    fc.string({ minLength: 1 }).map((text): SpeechSpan => ({ kind: 'text', text })),
    fc.constantFrom<SpeechSpan>({ kind: 'boundary', level: 'sentence' }, { kind: 'boundary', level: 'paragraph' }),
    ...(adapter.markup.includes('break')
      ? [fc.nat(10_000).map((milliseconds): SpeechSpan => ({ kind: 'break', milliseconds }))]
      : []),
  );
  const { speed } = adapter;
  return fc.constantFrom(...adapter.models).chain((model) =>
    fc
      .record({
        voice: fc.constantFrom(...voicesOf(model)),
        language: fc.constantFrom(null, ...(model.languages ?? ['en', 'de-AT', 'zh-Hans-CN', 'fil'])),
        speed: speed === null ? fc.constant(1) : fc.double({ min: speed.min, max: speed.max, noNaN: true }),
        style: fc.constantFrom(null, ...(adapter.styles ?? [])),
        output: fc.constantFrom(...everyOutput(adapter)),
        spans: fc.array(spans, { minLength: 1 }),
      })
      .map(({ output, ...rest }) => speechCall(adapter, { model, ...rest, ...output })),
  );
}

/** What the adapter would send; null for a call that it refuses by itself because the model cannot do it. */
export function requestOf(
  adapter: HttpSpeechAdapter,
  call: SpeechCall,
  credential: Credential = PLATFORM_KEY,
): ProviderRequest | null {
  try {
    return adapter.request(call, credential);
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'REJECTED' && !error.retryable) return null;
    throw error;
  }
}

export interface AdapterUnderTest {
  readonly stub: ProviderStub;
  readonly provider: SpeechProvider;
}

/** Starts a stand-in and the provider that speaks with it, for all tests of the block in which it is called. */
export function adapterUnderTest(adapter: HttpSpeechAdapter): AdapterUnderTest {
  const running = {} as { stub: ProviderStub; provider: SpeechProvider };
  beforeAll(async () => {
    running.stub = await startProviderStub();
    running.provider = httpSpeechProvider(adapter, { baseUrl: running.stub.url, apiKey: PLATFORM_KEY.secret! });
  });
  afterEach(() => running.stub.fault(null));
  afterAll(async () => {
    await running.provider.close();
    await running.stub.close();
  });
  return running;
}

/** What every adapter over HTTP must show against its stand-in, whatever its wire form. */
export function testSpeechAdapter(subject: SpeechAdapterSubject): void {
  const { adapter } = subject;
  const under = adapterUnderTest(adapter);
  const options = (changes: Parameters<typeof speakOptions>[0] = {}) =>
    speakOptions({ credential: PLATFORM_KEY, ...changes });
  const whole = async (call: SpeechCall, changes: Parameters<typeof speakOptions>[0] = {}): Promise<Buffer> =>
    bytesOf((await under.provider.speak(call, options(changes))).chunks);

  describe('audio', () => {
    it.each(everyOutput(adapter))(
      '$format at $sampleRate Hz (streaming: $streaming) is that format, and as long as its text',
      async (asked) => {
        const bytes = await whole(speechCall(adapter, asked));
        const audio = assembledAudio(bytes, asked);
        expect(audio.sampleRate).toBe(asked.sampleRate);
        expect(Math.abs(audio.durationMs - speechMilliseconds(44, 1))).toBeLessThanOrEqual(80);
      },
    );

    it('grows with the text and shrinks with the speed', async () => {
      const duration = async (changes: Partial<SpeechCall>): Promise<number> => {
        const call = speechCall(adapter, { ...changes, format: 'WAV', sampleRate: 16_000 });
        return assembledAudio(await whole(call), call).durationMs;
      };
      const natural = await duration({ spans: LONG });
      expect(natural).toBeGreaterThan(10 * (await duration({})));
      if (adapter.speed === null) return;
      expect(await duration({ spans: LONG, speed: adapter.speed.max })).toBeLessThan(natural);
    });

    it('every model that is served speaks, and one that was retired is refused in words', async () => {
      for (const model of adapter.models) {
        const voice = adapter.voiceFor?.(model.name, null) ?? adapter.defaultVoice;
        const speaking = whole(speechCall(adapter, { model, voice }));
        if (model.retiredAt === undefined || Date.parse(model.retiredAt) > STAND_INS_TODAY) {
          expect((await speaking).length).toBeGreaterThan(0);
        } else {
          expect(await failureOf(speaking)).toMatchObject({ kind: 'REJECTED', retryable: false });
        }
      }
    });
  });

  describe('streaming', () => {
    const formats = adapter.streamedFormats ?? (Object.keys(adapter.formats) as AudioFormat[]);
    const longCall = (format: AudioFormat) => speechCall(adapter, { format, streaming: true, spans: LONG });

    it.each(formats)('%s: the first piece is here before the rest is made, and nothing is lost', async (format) => {
      const expected = await whole(longCall(format));
      const gate = new Gate();
      under.stub.fault(() => ({ kind: 'gated', gate }));
      gate.release();
      const { chunks } = await under.provider.speak(longCall(format), options());
      const iterator = chunks[Symbol.asyncIterator]();
      const pieces = [(await iterator.next()).value as Uint8Array];
      expect(under.stub.requests.at(-1)!.answered).toBe(false);
      gate.open();
      for (let result = await iterator.next(); !result.done; result = await iterator.next()) pieces.push(result.value);
      expect(pieces.length).toBeGreaterThan(1);
      expect(Buffer.concat(pieces).equals(expected)).toBe(true);
    });

    it('leaving in the middle cuts the connection at once', async () => {
      const gate = new Gate();
      gate.release();
      under.stub.fault(() => ({ kind: 'gated', gate }));
      const before = under.stub.aborted;
      for await (const _ of (await under.provider.speak(longCall(formats[0]!), options())).chunks) break;
      await under.stub.when(({ aborted }) => aborted === before + 1);
    });
  });

  describe('faults', () => {
    const faults: readonly [string, StubFault, object][] = [
      ['a hang-up', { kind: 'hang-up' }, { kind: 'UNAVAILABLE', retryable: true }],
      ['an answer that is cut', { kind: 'cut-mid-body' }, { kind: 'UNAVAILABLE', retryable: true }],
      ['silence', { kind: 'stall-before-headers' }, { kind: 'TIMEOUT', retryable: true }],
      ['silence in the middle', { kind: 'stall-mid-body' }, { kind: 'TIMEOUT', retryable: true }],
      ['an answer without end', { kind: 'endless' }, { kind: 'REJECTED', retryable: false }],
      ['an empty answer', { kind: 'empty' }, { kind: 'UNAVAILABLE', retryable: true }],
      ['a page for people', { kind: 'content-type', type: 'text/html' }, { kind: 'REJECTED', retryable: false }],
      ['an error inside a 200', { kind: 'error-in-200', body: subject.errorWith('Out of luck') }, subject.errorInside],
    ];
    const calls = everyOutput(adapter).filter(
      ({ format, sampleRate }) =>
        format === adapter.defaultFormat && sampleRate === adapter.formats[format]!.sampleRates[0],
    );
    it.each(
      faults.flatMap(([name, fault, expected]) =>
        calls.map((asked) => [name, asked.streaming, fault, expected, asked] as const),
      ),
    )('%s (streaming: %s) fails the call as what it is', async (name, _streaming, fault, expected, asked) => {
      under.stub.fault(() => fault);
      const limits = name.startsWith('silence') ? { firstByteTimeoutMs: 60, idleTimeoutMs: 60 } : {};
      const bytesMax = name.endsWith('without end') ? 4_000_000 : 64_000_000;
      const speaking = whole(speechCall(adapter, { ...asked, spans: LONG }), { ...limits, bytesMax });
      expect(await failureOf(speaking)).toMatchObject({ provider: adapter.provider, ...expected });
    });
  });

  describe('documented errors', () => {
    it.each(subject.errors.map((error) => [error.status, error.body, error] as const))(
      '%i %j is what it means, with the words of the provider',
      async (status, body, { kind, retryable, code }) => {
        under.stub.fault(() => ({ kind: 'answer', status, body, headers: { 'retry-after': '2' } }));
        const failure = await failureOf(whole(speechCall(adapter)));
        expect(failure).toMatchObject({ provider: adapter.provider, kind, retryable, status, retryAfterMs: 2_000 });
        expect(failure.providerCode).toBe(code);
        expect(failure.message).toContain('About ');
      },
    );

    it('a key that is refused is UNAUTHORIZED, for speech and for voices', async () => {
      const credential = { source: 'REQUEST_KEY', secret: 'revoked-0123456789' } as const;
      under.stub.refusedKeys.add(credential.secret);
      for (const streaming of [true, false]) {
        const speaking = whole(speechCall(adapter, { streaming }), { credential });
        expect(await failureOf(speaking)).toMatchObject({ kind: 'UNAUTHORIZED', retryable: false, status: 401 });
      }
      const listing = under.provider.listVoices(credential, new AbortController().signal);
      expect(await failureOf(listing)).toMatchObject({ kind: 'UNAUTHORIZED', retryable: false, status: 401 });
    });

    it('an unknown voice is REJECTED', async () => {
      const voice = adapter.modelOfVoice === undefined ? 'nobody' : `${adapter.defaultVoice.split('-')[0]}-nobody-en`;
      expect(await failureOf(whole(speechCall(adapter, { voice })))).toMatchObject({
        kind: 'REJECTED',
        retryable: false,
      });
    });

    const { tooLong } = subject;
    (tooLong === undefined ? it.skip : it)('one character more than is declared is refused', async () => {
      const [model] = adapter.models;
      for (const streaming of [true, false]) {
        const call = (characters: number) =>
          speechCall(adapter, { streaming, model, spans: [{ kind: 'text', text: 'a'.repeat(characters) }] });
        expect((await whole(call(model.charactersMax))).length).toBeGreaterThan(0);
        if (streaming || adapter.framing === undefined) {
          expect(await failureOf(whole(call(model.charactersMax + 1)))).toMatchObject(tooLong!);
        }
      }
    });
  });

  it('a key travels in its header alone, and no error shows it, or the text', async () => {
    const credential = { source: 'REQUEST_KEY', secret: CANARY } as const;
    const echo = subject.errorWith(`You sent ${subject.keyValue(CANARY)} and ${LONG_TEXT}.`);
    const faults: (StubFault | null)[] = [
      null,
      { kind: 'answer', status: 400, body: echo },
      { kind: 'answer', status: 500, body: `no such key: ${CANARY}` },
      { kind: 'error-in-200', body: echo },
      { kind: 'cut-mid-body' },
    ];
    const from = under.stub.requests.length;
    const shown: string[] = [];
    for (const fault of faults) {
      under.stub.fault(fault === null ? null : () => fault);
      for (const streaming of [true, false]) {
        try {
          await whole(speechCall(adapter, { streaming, spans: LONG }), { credential });
        } catch (error) {
          const { message, stack, ...rest } = error as ProviderError;
          shown.push(JSON.stringify({ message, stack, cause: String((error as Error).cause), ...rest }));
        }
      }
    }
    under.stub.fault(null);
    await under.provider.listVoices(credential, new AbortController().signal);
    expect(shown.length).toBe(8);
    for (const text of shown) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(LONG_TEXT.slice(0, 40));
    }
    for (const { headers, path, query, json } of under.stub.requests.slice(from)) {
      const carriers = Object.entries(headers).filter(([, value]) => String(value).includes(CANARY));
      expect(carriers).toEqual([[subject.keyHeader, subject.keyValue(CANARY)]]);
      expect(JSON.stringify([path, query.toString(), json])).not.toContain(CANARY);
    }
  });
}

/** The stand-ins answer as the documents of this day do. */
const STAND_INS_TODAY = Date.parse('2026-11-20');
