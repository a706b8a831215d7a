import fc from 'fast-check';
import type { ProviderError } from '../../../providers/contract/errors';
import type { ProviderRequest } from '../../../providers/contract/provider';
import type {
  HttpTranscriptionAdapter,
  TranscriptionCall,
  TranscriptionProvider,
} from '../../../providers/contract/stt';
import { httpTranscriptionProvider } from '../../../providers/http/transcription-provider';
import { type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { transcriptionScript } from '../../support/provider-stub/transcription-script';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';
import { audioOf, RECORDING, transcriptionCall } from '../../support/transcription-call';

/** What an error that the provider documents must become. */
export interface DocumentedError {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: Partial<Pick<ProviderError, 'kind' | 'retryable' | 'providerCode' | 'retryAfterMs'>>;
  /** Part of the provider's words. */
  readonly says?: string;
}

export interface TranscriptionSuite {
  readonly adapter: HttpTranscriptionAdapter;
  /** The one header that the key may be in. */
  readonly keyHeader: string;
  /** What a request breaks of the provider's own OpenAPI file; null where the machine has none. */
  readonly faultsOf: ((request: ProviderRequest, call: TranscriptionCall) => readonly string[]) | null;
  readonly errors: readonly DocumentedError[];
  /** Successes that are none. */
  readonly disguised?: readonly DocumentedError[];
}

const CANARY = 'sk-canary-7f3e9b2c5d1a';
const LANGUAGES = [null, 'en', 'de-AT', 'pt-BR', 'zh-Hant-TW', 'fil', 'haw', 'jv', 'ja'];

/** Every call that the declaration allows. */
export function callsOf(adapter: HttpTranscriptionAdapter): fc.Arbitrary<TranscriptionCall> {
  return fc.constantFrom(...adapter.models).chain((model) =>
    fc.record({
      model: fc.constant(model),
      audio: fc
        .record({ format: fc.constantFrom(...model.formats), fileName: fc.string(), bytes: fc.uint8Array() })
        .map(({ format, fileName, bytes }) => ({ ...audioOf(Buffer.from(bytes), format), fileName })),
      durationMs: fc.integer({ min: 1, max: 3_600_000 }),
      language: fc.constantFrom(
        ...LANGUAGES.filter(
          (tag) => tag === null || model.languages === null || model.languages.includes(tag.split('-')[0]!),
        ),
      ),
      diarize: model.diarization ? fc.boolean() : fc.constant(false),
      timestamps: fc.constantFrom('NONE' as const, ...model.timestamps),
      prompt: model.prompt ? fc.option(fc.string({ minLength: 1 }), { nil: null }) : fc.constant(null),
    }),
  );
}

/** What every transcription adapter must hold; the tables of its own fields stand beside it. */
export function transcriptionSuite({ adapter, keyHeader, faultsOf, errors, disguised = [] }: TranscriptionSuite): void {
  const itWithDocument = faultsOf === null ? it.skip : it;

  itWithDocument('every request that the declaration allows is valid against the OpenAPI file of the provider', () => {
    fc.assert(
      fc.property(callsOf(adapter), (call) => {
        expect(faultsOf!(adapter.request(call, PLATFORM_KEY), call)).toEqual([]);
      }),
    );
  });

  it('the key is in its header and nowhere else, and without a key there is no such header', () => {
    const credential = { source: 'REQUEST_KEY', secret: CANARY } as const;
    fc.assert(
      fc.property(callsOf(adapter), (call) => {
        const { headers, ...rest } = adapter.request(call, credential);
        const carriers = Object.entries(headers).filter(([, value]) => value.includes(CANARY));
        expect(carriers.map(([name]) => name)).toEqual([keyHeader]);
        expect(JSON.stringify(rest)).not.toContain(CANARY);
        expect(adapter.request(call, { source: 'NONE', secret: null }).headers).not.toHaveProperty(keyHeader);
      }),
      { numRuns: 20 },
    );
  });

  it('the declaration agrees with itself, and no default is retired', () => {
    const names = adapter.models.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(adapter.models.find(({ name }) => name === adapter.defaultModel)).toMatchObject({});
    expect(adapter.models.find(({ name }) => name === adapter.defaultModel)?.retiredAt).toBeUndefined();
    for (const model of adapter.models) {
      expect(model.bytesMax).toBeGreaterThan(0);
      expect(model.secondsMax ?? 1).toBeGreaterThan(model.secondsMin ?? 0);
      expect(model.retiredAt ?? '2027-01-01').toMatch(/^\d{4}-\d{2}-\d{2}$/);
      if (model.successor !== undefined) {
        const successor = adapter.models.find(({ name }) => name === model.successor);
        expect(successor).toBeDefined();
        expect(successor?.retiredAt).toBeUndefined();
      }
      if (model.assumedLanguage !== undefined) expect(model.languages).toContain(model.assumedLanguage);
    }
  });

  describe('against the stand-in', () => {
    let stub: ProviderStub;
    let provider: TranscriptionProvider;
    beforeAll(async () => {
      stub = await startProviderStub();
      provider = httpTranscriptionProvider(adapter, { baseUrl: stub.url, apiKey: PLATFORM_KEY.secret! });
    });
    afterEach(() => stub.fault(null));
    afterAll(async () => {
      await provider.close();
      await stub.close();
    });
    const options = speakOptions({ credential: PLATFORM_KEY });
    const script = transcriptionScript(RECORDING);
    const served = adapter.models.filter(({ retiredAt }) => retiredAt === undefined || retiredAt > '2026-11-20');

    it.each(
      served.flatMap((model) =>
        (['NONE', ...model.timestamps] as const).flatMap((timestamps) =>
          (model.diarization ? [false, true] : [false]).map((diarize) => ({ model: model.name, timestamps, diarize })),
        ),
      ),
    )('$model writes down what was said (timestamps $timestamps, diarize $diarize)', async ({ model, ...asked }) => {
      const call = transcriptionCall(adapter, { model, ...asked });
      const answer = await provider.transcribe(call, options);
      expect(answer.text).toBe(script.text);
      expect(answer.language ?? 'en').toBe('en');
      // Words are told exactly where they were asked for; segments where they or speakers were, if there are any.
      expect(answer.words.map(({ text }) => text)).toEqual(
        asked.timestamps === 'WORD' ? script.words.map(({ word }) => word) : [],
      );
      const wantsSegments = asked.diarize || asked.timestamps === 'SEGMENT';
      if (wantsSegments) expect(answer.segments.map(({ text }) => text)).toEqual(script.turns.map(({ text }) => text));
      if (!asked.diarize && asked.timestamps === 'NONE') expect(answer.segments).toEqual([]);
      const speakers = new Set(answer.segments.map(({ speaker }) => speaker));
      if (asked.diarize) expect(speakers.size).toBe(2);
      else expect([...speakers].filter((speaker) => speaker !== null)).toEqual([]);
      for (const piece of [...answer.segments, ...answer.words]) {
        expect(piece.startSeconds).toBeGreaterThanOrEqual(0);
        expect(piece.endSeconds).toBeGreaterThanOrEqual(piece.startSeconds);
        expect(piece.endSeconds).toBeLessThanOrEqual(script.duration);
      }
    });

    it('the recording arrives byte for byte, and again for another attempt', async () => {
      const call = transcriptionCall(adapter);
      for (let attempt = 1; attempt <= 2; attempt++) {
        await provider.transcribe(call, options);
        const { body } = stub.requests.at(-1)!;
        expect(body.includes(RECORDING)).toBe(true);
        expect((call.audio as ReturnType<typeof audioOf>).opened).toBe(attempt);
      }
    });

    it('every model beyond its day is refused by name, and its successor is served', async () => {
      for (const model of adapter.models.filter(({ retiredAt = '9' }) => retiredAt <= '2026-11-20')) {
        const failure = await failureOf(
          provider.transcribe(transcriptionCall(adapter, { model: model.name }), options),
        );
        expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false });
        const successor = transcriptionCall(adapter, { model: model.successor! });
        expect((await provider.transcribe(successor, options)).text).toBe(script.text);
      }
    });

    it('what is no audio is refused, and asking again is no use', async () => {
      const audio = audioOf(Buffer.from('This is a letter, not a recording of one.'));
      expect(await failureOf(provider.transcribe(transcriptionCall(adapter, { audio }), options))).toMatchObject({
        kind: 'REJECTED',
        retryable: false,
      });
    });

    it('a refused key is UNAUTHORIZED, and is not quoted', async () => {
      stub.refusedKeys.add(CANARY);
      const credential = { source: 'REQUEST_KEY', secret: CANARY } as const;
      const failure = await failureOf(provider.transcribe(transcriptionCall(adapter), speakOptions({ credential })));
      expect(failure).toMatchObject({ kind: 'UNAUTHORIZED', retryable: false, status: 401 });
      expect(JSON.stringify({ ...failure, message: failure.message })).not.toContain(CANARY);
    });

    it.each(errors.map((error) => [error.name, error] as const))('%s', async (_name, error) => {
      stub.fault(() => ({ kind: 'answer', status: error.status, body: error.body, headers: error.headers }));
      const failure = await failureOf(provider.transcribe(transcriptionCall(adapter), options));
      expect(failure).toMatchObject({ provider: adapter.provider, status: error.status, ...error.expected });
      if (error.says !== undefined) expect(failure.message).toContain(error.says);
    });

    it.each([
      ['an empty object', {}, 'REJECTED'],
      ['a list', [], 'REJECTED'],
      ['a text that is a number', { text: 5, results: { channels: [] } }, 'REJECTED'],
      ...disguised.map(({ name, body, expected }) => [name, body, expected.kind!] as const),
    ] as const)('a success that is %s is a failure', async (_name, body, kind) => {
      stub.fault(() => ({ kind: 'error-in-200', body }));
      expect(await failureOf(provider.transcribe(transcriptionCall(adapter), options))).toMatchObject({
        kind,
        status: 200,
      });
    });
  });
}
