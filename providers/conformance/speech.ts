import assert from 'node:assert/strict';
import { createAssembler } from '../audio';
import type { AudioFormat } from '../contract/audio';
import type { CallOptions } from '../contract/provider';
import type { SpeechText } from '../contract/speech-text';
import type {
  EngineSpeechAdapter,
  HttpSpeechAdapter,
  SpeechAdapter,
  SpeechCall,
  SpeechProvider,
} from '../contract/tts';
import { engineSpeechProvider } from '../engine/speech-provider';
import { httpSpeechProvider } from '../http/speech-provider';
import { adapterFaults } from '../modules/check-adapter';
import {
  type Check,
  type ConformanceOptions,
  callOptions,
  credentialFor,
  isServed,
  patiently,
  sharedChecks,
  withStandIn,
} from './check';
import type { StandIn, StandInRequest } from './stand-in';

export interface SpeechConformanceOptions extends ConformanceOptions {
  readonly adapter: HttpSpeechAdapter;
}

const TEXT = 'The quick brown fox jumps over the lazy dog, and nobody minds.';
/** Longer texts prove nothing more, and a stand-in would have to make minutes of audio. */
const CHARACTERS_MAX = 2_000;
/** Enough that the tersest format comes in several messages. */
const STREAMED_CHARACTERS_MAX = 600;

const spansOf = (text: string): SpeechText => [{ kind: 'text', text }];

/** A call with one plain sentence, and the voice that the adapter has for its model and language. */
export function speechCallOf(adapter: SpeechAdapter, changes: Partial<SpeechCall> = {}): SpeechCall {
  const format = changes.format ?? adapter.defaultFormat;
  const language = changes.language ?? null;
  return {
    model: adapter.models.find(({ name }) => name === adapter.defaultModel)!,
    voice: adapter.voiceFor?.(changes.model?.name ?? null, language) ?? adapter.defaultVoice,
    spans: spansOf(TEXT),
    language,
    speed: 1,
    style: null,
    quality: adapter.qualities?.[0] ?? null,
    format,
    sampleRate: adapter.formats[format]!.sampleRates[0],
    streaming: false,
    ...changes,
  };
}

/** Makes a speech and looks at what came: audio of the format and the rate that were asked for. */
async function audioOf(provider: SpeechProvider, call: SpeechCall, options: CallOptions): Promise<Buffer> {
  const response = await provider.speak(call, options);
  const assembler = createAssembler({ format: call.format, sampleRate: call.sampleRate, channels: 1 });
  const pieces: Uint8Array[] = [];
  for await (const piece of response.chunks) {
    assert.ok(piece.length > 0, 'a piece is empty');
    assembler.push(piece);
    pieces.push(Uint8Array.from(piece));
  }
  const audio = assembler.finish();
  assert.equal(audio.sampleRate, call.sampleRate, 'the audio has another sample rate than was asked for');
  const { billedUnits } = response;
  if (billedUnits !== null) {
    assert.ok(Number.isFinite(billedUnits.quantity) && billedUnits.quantity >= 0, 'the count is no count');
    assert.ok(billedUnits.unit.length > 0, 'the count has no unit');
  }
  return Buffer.concat(pieces);
}

/** Every format and rate, whole and streaming. */
function everyAudio(adapter: SpeechAdapter): Pick<SpeechCall, 'format' | 'sampleRate' | 'streaming'>[] {
  return Object.entries(adapter.formats).flatMap(([format, offer]) =>
    offer.sampleRates.flatMap((sampleRate) =>
      [false, true].map((streaming) => ({ format: format as AudioFormat, sampleRate, streaming })),
    ),
  );
}

/** One call for each thing that a request can choose, and each edge of it. */
function everyChoice(adapter: SpeechAdapter): (readonly [string, Partial<SpeechCall>])[] {
  const { speed } = adapter;
  return [
    ...adapter.models.filter(isServed).map((model) => [`the model ${model.name}`, { model }] as const),
    ...(speechCallOf(adapter).model.languages ?? []).map(
      (language) => [`the language ${language}`, { language }] as const,
    ),
    ...(adapter.qualities ?? []).flatMap((quality) =>
      Object.keys(adapter.formats).map((format) => {
        const { sampleRate } = speechCallOf(adapter, { format: format as AudioFormat });
        return [`quality ${quality} as ${format}`, { quality, format: format as AudioFormat, sampleRate }] as const;
      }),
    ),
    ...(speed === null ? [] : [speed.min, speed.max]).map((value) => [`speed ${value}`, { speed: value }] as const),
    ...(adapter.styles ?? []).map((style) => [`the style ${style}`, { style }] as const),
    [`a text of ${textOfMost(adapter).length} characters`, { spans: spansOf(textOfMost(adapter)) }],
  ];
}

function textOfMost(adapter: SpeechAdapter, charactersMax = CHARACTERS_MAX): string {
  const length = Math.min(charactersMax, speechCallOf(adapter).model.charactersMax);
  return 'word '
    .repeat(Math.ceil(length / 5))
    .slice(0, length - 1)
    .concat('.');
}

/**
 * What the platform relies on from an adapter of speech, each as a check of its own, against a stand-in for its provider.
 * The stand-in's answers must be true audio of what was asked for.
 */
export function speechConformance(options: SpeechConformanceOptions): Check[] {
  const { adapter } = options;
  if (adapterFaults('speech', adapter).length > 0) return [declarationCheck(adapter)];
  const credential = credentialFor(adapter);
  const isCall = options.isCall ?? (({ method }: StandInRequest) => method === 'POST');
  const withProvider = async <T>(standIn: StandIn, work: (provider: SpeechProvider) => Promise<T>): Promise<T> => {
    const provider = httpSpeechProvider(adapter, { baseUrl: standIn.url });
    try {
      return await work(provider);
    } finally {
      await provider.close();
    }
  };
  const speak = (standIn: StandIn, changes: Partial<SpeechCall>, more: Partial<CallOptions> = {}): Promise<Buffer> =>
    withProvider(standIn, (provider) =>
      audioOf(provider, speechCallOf(adapter, changes), callOptions(credential, more)),
    );
  const streamed = (adapter.streamedFormats ?? (Object.keys(adapter.formats) as AudioFormat[])).map((format) =>
    speechCallOf(adapter, { format, streaming: true, spans: spansOf(textOfMost(adapter, STREAMED_CHARACTERS_MAX)) }),
  );
  return [
    declarationCheck(adapter),
    ...everyAudio(adapter).map((asked) => ({
      name: `${asked.format} at ${asked.sampleRate} Hz, ${asked.streaming ? 'streamed' : 'whole'}, is asked for as documented, and is that`,
      run: () => withStandIn(options, async (standIn) => void (await speak(standIn, asked))),
    })),
    {
      name: 'no two formats or rates are asked for in the same words',
      run: () =>
        withStandIn(options, async (standIn) => {
          for (const asked of everyAudio(adapter).filter(({ streaming }) => !streaming)) await speak(standIn, asked);
          const words = standIn.requests.filter(isCall).map(wordsOf);
          assert.equal(new Set(words).size, words.length, 'two of them are asked for alike');
        }),
    },
    ...everyChoice(adapter).map(([name, changes]) => ({
      name: `${name} is asked for as documented`,
      run: () => withStandIn(options, async (standIn) => void (await speak(standIn, changes))),
    })),
    ...streamed.map((call) => ({
      name: `${call.format} is forwarded before the rest of it exists`,
      run: () =>
        withStandIn(options, async (standIn) => {
          let release = (): void => {};
          const until = new Promise<void>((resolve) => {
            release = resolve;
          });
          standIn.faultOf = (request) => (isCall(request) ? { kind: 'hold-last', until } : null);
          await withProvider(standIn, async (provider) => {
            const { chunks } = await provider.speak(call, callOptions(credential));
            const reader = chunks[Symbol.asyncIterator]();
            assert.equal((await reader.next()).done, false, 'there was no audio');
            release();
            while (!(await reader.next()).done);
          });
        }),
    })),
    {
      name: 'the bytes are the same, however the answer is cut into pieces',
      run: () =>
        withStandIn(options, async (standIn) => {
          const call = streamed[0] ?? speechCallOf(adapter);
          const cuts: Buffer[] = [];
          for (const pieceBytes of [1_000_000, 4_099, 61]) {
            standIn.pieceBytes = pieceBytes;
            cuts.push(await speak(standIn, call));
          }
          for (const bytes of cuts) assert.ok(bytes.equals(cuts[0]!), 'the bytes differ');
        }),
    },
    {
      name: 'leaving the audio ends the request at the provider',
      run: () =>
        withStandIn(options, async (standIn) => {
          standIn.faultOf = (request) =>
            isCall(request) ? { kind: 'hold-last', until: new Promise<void>(() => {}) } : null;
          const call = streamed[0];
          if (call === undefined) return;
          await withProvider(standIn, async (provider) => {
            const { chunks } = await provider.speak(call, callOptions(credential));
            for await (const _piece of chunks) break;
            await standIn.when(() => standIn.left === 1);
          });
        }),
    },
    {
      name: 'the voices that it lists include its default, each once',
      run: () =>
        withStandIn(options, (standIn) =>
          withProvider(standIn, async (provider) => {
            const voices = await provider.listVoices(credential, new AbortController().signal);
            const ids = voices.map(({ id }) => id);
            assert.ok(ids.includes(adapter.defaultVoice), `${adapter.defaultVoice} is not in the list`);
            assert.equal(new Set(ids).size, ids.length, 'a voice is listed twice');
          }),
        ),
    },
    ...sharedChecks(adapter, options, {
      texts: [TEXT],
      call: (standIn, more) => withProvider(standIn, (provider) => audioOf(provider, speechCallOf(adapter), more)),
    }),
  ];
}

/** All of a request but what belongs to its connection. */
function wordsOf({ method, path, query, headers, body }: StandInRequest): string {
  const { host: _host, connection: _connection, ...rest } = headers;
  return JSON.stringify([method, path, `${query}`, rest, body.toString('base64')]);
}

/** The same for an engine that runs beside the server, which needs no stand-in. The checks leave it open. */
export function engineConformance(adapter: EngineSpeechAdapter): Check[] {
  const provider = engineSpeechProvider(adapter);
  const credential = credentialFor({});
  return [
    declarationCheck(adapter),
    ...everyAudio(adapter).map((asked) => ({
      name: `${asked.format} at ${asked.sampleRate} Hz, ${asked.streaming ? 'streamed' : 'whole'}, is that`,
      run: async () => {
        await patiently(audioOf(provider, speechCallOf(adapter, asked), callOptions(credential)));
      },
    })),
    {
      name: 'the voices that it lists include its default, each once',
      async run() {
        const ids = (await provider.listVoices(credential, new AbortController().signal)).map(({ id }) => id);
        assert.ok(ids.includes(adapter.defaultVoice), `${adapter.defaultVoice} is not in the list`);
        assert.equal(new Set(ids).size, ids.length, 'a voice is listed twice');
      },
    },
  ];
}

function declarationCheck(adapter: SpeechAdapter): Check {
  return {
    name: 'it declares all of itself, and nothing that contradicts the rest',
    async run() {
      assert.deepEqual(adapterFaults('speech', adapter), []);
      assert.equal(adapter.render(spansOf('Plain words.')), 'Plain words.');
    },
  };
}
