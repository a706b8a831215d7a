import type { EngineLimits } from '../../../providers/local/engine';
import { FliteEngine } from '../../../providers/local/flite-engine';
import { FLITE_WORKER_SOURCE } from '../../../providers/local/flite-worker';
import { createLocalSpeech } from '../../../providers/local/tts';
import { expectSpeech, linearSamples, neverAborted, speechCall, spoken } from './support/speech';

const LIMITS: EngineLimits = { concurrency: 1, waitingMax: 64, sentenceTimeoutMs: 60_000 };
const VOICE = { upstreamId: 'kal16', language: 'en-US', stretch: 1.1 };

/** The real worker, with a saboteur beside it who listens for his word. */
const SABOTAGED_SOURCE = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ args }) => {
  if (args.includes('exit')) process.exit(3);
  if (args.includes('throw')) {
    parentPort.postMessage = () => undefined;
    throw new Error('sabotage');
  }
  if (args.includes('hang')) for (;;);
});
${FLITE_WORKER_SOURCE}`;

const say = (engine: FliteEngine, text: string, signal = neverAborted()): Promise<Int16Array> =>
  engine.speak({ text, voice: VOICE, speed: 1, admitted: false }, signal);

describe('the flite engine', () => {
  test.each([
    ['exit', 60_000],
    ['throw', 60_000],
    ['hang', 5_000],
  ])(
    'a worker that does "%s" fails its own call alone, and the next ones are served by another',
    async (word, sentenceTimeoutMs) => {
      const engine = new FliteEngine({ ...LIMITS, sentenceTimeoutMs }, SABOTAGED_SOURCE);
      try {
        const before = await say(engine, 'hello');
        const [failed, after, last] = await Promise.allSettled([
          say(engine, word),
          say(engine, 'hello'),
          say(engine, 'hello'),
        ]);
        expect(failed).toMatchObject({ status: 'rejected', reason: { kind: 'UNAVAILABLE', retryable: true } });
        for (const result of [after, last]) expect(result).toEqual({ status: 'fulfilled', value: before });
      } finally {
        await engine.close();
      }
    },
  );

  test('a run that fails inside the engine is told from one that speaks, and the worker goes on', async () => {
    const engine = new FliteEngine(LIMITS);
    try {
      const wrong = engine.speak(
        { text: 'hello', voice: { ...VOICE, upstreamId: 'no/such/voice' }, speed: 1, admitted: false },
        neverAborted(),
      );
      const right = say(engine, 'hello');
      await expect(wrong.then((samples) => samples.length)).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
      expectSpeech([...(await right)], 16_000);
    } finally {
      await engine.close();
    }
  });

  test('the same words always give the same samples', async () => {
    const engine = new FliteEngine({ ...LIMITS, concurrency: 2 });
    try {
      const [one, two, three] = await Promise.all([say(engine, 'again'), say(engine, 'again'), say(engine, 'again')]);
      expect(two).toEqual(one);
      expect(three).toEqual(one);
    } finally {
      await engine.close();
    }
  });

  test('closing ends what runs and what waits with UNAVAILABLE, refuses what comes, and can be repeated', async () => {
    const engine = new FliteEngine({ ...LIMITS }, SABOTAGED_SOURCE);
    await say(engine, 'hello');
    const results = Promise.allSettled([say(engine, 'hang'), say(engine, 'hello')]);
    await engine.close();
    await engine.close();
    for (const result of [...(await results), ...(await Promise.allSettled([say(engine, 'hello')]))]) {
      expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'UNAVAILABLE' } });
    }
  });

  test('closing before the engine has loaded leaves no worker behind', async () => {
    const engine = new FliteEngine(LIMITS);
    const result = Promise.allSettled([say(engine, 'hello')]);
    await engine.close();
    expect(await result).toMatchObject([{ status: 'rejected', reason: { kind: 'UNAVAILABLE' } }]);
  });
});

describe('cancelling local speech', () => {
  const text = Array.from({ length: 30 }, (_, index) => `Here is sentence number ${index}.`).join(' ');

  test('an abort in the middle ends the call with CANCELLED, and others go on', async () => {
    const adapter = createLocalSpeech({ concurrency: 1 });
    try {
      const abort = new AbortController();
      const stream = adapter.synthesize(speechCall(adapter, { text }), abort.signal)[Symbol.asyncIterator]();
      await stream.next();
      abort.abort();
      await expect(stream.next()).rejects.toMatchObject({ kind: 'CANCELLED' });
      await expect(stream.next()).resolves.toMatchObject({ done: true });
      expectSpeech(linearSamples(await spoken(adapter)), 16_000);
    } finally {
      await adapter.close();
    }
  });

  test('an abort ends a wait that would never end by itself', async () => {
    const engine = new FliteEngine(LIMITS, SABOTAGED_SOURCE);
    try {
      const abort = new AbortController();
      const running = say(engine, 'hang', abort.signal);
      const waiting = say(engine, 'hello', abort.signal);
      const results = Promise.allSettled([running, waiting]);
      abort.abort();
      for (const result of await results) {
        expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'CANCELLED' } });
      }
    } finally {
      await engine.close();
    }
  });

  test('a call that is cancelled before it begins does nothing', async () => {
    const adapter = createLocalSpeech();
    const stream = adapter.synthesize(speechCall(adapter, {}), AbortSignal.abort())[Symbol.asyncIterator]();
    await expect(stream.next()).rejects.toMatchObject({ kind: 'CANCELLED' });
    await adapter.close();
  });

  test('leaving the loop drops the sentences that are left', async () => {
    const adapter = createLocalSpeech({ concurrency: 1, waitingMax: 1 });
    try {
      for (let round = 0; round < 5; round++) {
        for await (const piece of adapter.synthesize(speechCall(adapter, { text }), neverAborted())) {
          expect(piece.length).toBeGreaterThan(0);
          break;
        }
      }
      expectSpeech(linearSamples(await spoken(adapter)), 16_000);
    } finally {
      await adapter.close();
    }
  });
});

test('calls beyond the bound of the queue are refused at once, and the rest are served whole', async () => {
  const adapter = createLocalSpeech({ concurrency: 1, waitingMax: 2 });
  try {
    const text = 'One sentence. Another sentence. A third sentence.';
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => spoken(adapter, { voice: 'kal16', text })),
    );
    expect(results.map(({ status }) => status)).toEqual([...Array(3).fill('fulfilled'), ...Array(3).fill('rejected')]);
    const [whole, ...others] = results.slice(0, 3) as PromiseFulfilledResult<Buffer>[];
    for (const other of others) expect(other.value.equals(whole!.value)).toBe(true);
    for (const refused of results.slice(3)) {
      expect(refused).toMatchObject({ reason: { kind: 'UNAVAILABLE', retryable: true } });
    }
  } finally {
    await adapter.close();
  }
});
