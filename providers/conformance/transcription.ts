import assert from 'node:assert/strict';
import type { CallOptions } from '../contract/provider';
import {
  type HttpTranscriptionAdapter,
  TIMESTAMP_GRANULARITIES,
  type TranscriptionAnswer,
  type TranscriptionCall,
  type TranscriptPiece,
} from '../contract/stt';
import { httpTranscriptionProvider } from '../http/transcription-provider';
import { adapterFaults } from '../modules/check-adapter';
import {
  type Check,
  type ConformanceOptions,
  callOptions,
  credentialFor,
  isServed,
  sharedChecks,
  withStandIn,
} from './check';
import { toneRecording } from './recording';
import type { StandIn } from './stand-in';

export interface TranscriptionConformanceOptions extends ConformanceOptions {
  readonly adapter: HttpTranscriptionAdapter;
}

const SECONDS = 2;
const PROMPT = 'The names Ottoline and Bartholomew are spoken here.';

/** A call of an adapter's default model with a recording of two seconds. */
export function transcriptionCallOf(
  adapter: HttpTranscriptionAdapter,
  changes: Partial<TranscriptionCall> = {},
): TranscriptionCall {
  return {
    model: adapter.models.find(({ name }) => name === adapter.defaultModel)!,
    audio: toneRecording(SECONDS).audio,
    durationMs: SECONDS * 1_000,
    language: null,
    diarize: false,
    timestamps: 'NONE',
    prompt: null,
    ...changes,
  };
}

/** Every model with everything that it declares, one thing at a time. */
function everyChoice(adapter: HttpTranscriptionAdapter): (readonly [string, Partial<TranscriptionCall>])[] {
  return adapter.models.filter(isServed).flatMap((model) => {
    const of = `with the model ${model.name}`;
    const timestamps = TIMESTAMP_GRANULARITIES.filter((one) => one === 'NONE' || model.timestamps.includes(one));
    return [
      ...timestamps.map((one) => [`timestamps ${one} ${of}`, { model, timestamps: one }] as const),
      ...(model.diarization ? [[`speakers ${of}`, { model, diarize: true }] as const] : []),
      ...(model.prompt ? [[`a prompt ${of}`, { model, prompt: PROMPT }] as const] : []),
      ...(model.languages ?? ['en']).map((language) => [`${language} ${of}`, { model, language }] as const),
    ];
  });
}

function assertPieces(pieces: readonly TranscriptPiece[], diarize: boolean): void {
  for (const { startSeconds, endSeconds, text, speaker, confidence } of pieces) {
    assert.ok(startSeconds >= 0 && endSeconds >= startSeconds, `a piece lasts from ${startSeconds} to ${endSeconds}`);
    assert.ok(text !== '' && text === text.trim(), 'a piece is empty, or has white space around it');
    assert.ok(confidence === null || (confidence >= 0 && confidence <= 1), `a confidence is ${confidence}`);
    if (!diarize) assert.equal(speaker, null, 'a speaker is told that nobody asked for');
  }
}

function assertTranscript(answer: TranscriptionAnswer, call: TranscriptionCall): void {
  assert.equal(typeof answer.text, 'string');
  assertPieces(answer.segments, call.diarize);
  assertPieces(answer.words, call.diarize);
  if (call.timestamps !== 'WORD') assert.deepEqual(answer.words, []);
  if (call.timestamps === 'NONE' && !call.diarize) assert.deepEqual(answer.segments, []);
  if (call.timestamps === 'WORD') assert.ok(answer.words.length > 0, 'there are no words');
  const { billedUnits } = answer;
  if (billedUnits !== null) {
    assert.ok(Number.isFinite(billedUnits.quantity) && billedUnits.quantity >= 0, 'the count is no count');
  }
}

/**
 * What the platform relies on from an adapter of transcription, each as a check of its own, against a stand-in for its
 * provider. The stand-in hears a tone and may write down any words, with the times and speakers that were asked for.
 */
export function transcriptionConformance(options: TranscriptionConformanceOptions): Check[] {
  const { adapter } = options;
  const declared: Check = {
    name: 'it declares all of itself, and nothing that contradicts the rest',
    run: async () => assert.deepEqual(adapterFaults('transcription', adapter), []),
  };
  if (adapterFaults('transcription', adapter).length > 0) return [declared];
  const credential = credentialFor(adapter);
  const transcribe = async (standIn: StandIn, call: TranscriptionCall, more: CallOptions) => {
    const provider = httpTranscriptionProvider(adapter, { baseUrl: standIn.url });
    try {
      return await provider.transcribe(call, more);
    } finally {
      await provider.close();
    }
  };
  return [
    declared,
    ...everyChoice(adapter).map(([name, changes]) => ({
      name: `${name} is asked for as documented`,
      run: () =>
        withStandIn(options, async (standIn) => {
          const call = transcriptionCallOf(adapter, changes);
          assertTranscript(await transcribe(standIn, call, callOptions(credential)), call);
        }),
    })),
    {
      name: 'the recording arrives byte for byte',
      run: () =>
        withStandIn(options, async (standIn) => {
          const { audio, bytes } = toneRecording(SECONDS);
          await transcribe(standIn, transcriptionCallOf(adapter, { audio }), callOptions(credential));
          const found = standIn.requests.some(({ body }) => body.includes(bytes));
          const encoded = standIn.requests.some(({ body }) => body.includes(bytes.toString('base64')));
          assert.ok(found || encoded, 'no request holds the recording');
        }),
    },
    ...sharedChecks(adapter, options, {
      texts: [],
      call: (standIn, more) => transcribe(standIn, transcriptionCallOf(adapter), more),
    }),
  ];
}
