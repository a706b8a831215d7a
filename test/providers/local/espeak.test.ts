import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { EngineSpeechAdapter } from '../../../providers/contract/tts';
import { EspeakEngine, findEspeak } from '../../../providers/local/espeak-engine';
import { createLocalSpeech, localModelForVoice } from '../../../providers/local/tts';
import { expectSpeech, linearSamples, neverAborted, speechCall, spoken } from './support/speech';

const searchPath = process.env.PATH ?? '';
const installed = findEspeak(searchPath) !== null;
const describeInstalled = installed ? describe : describe.skip;
const LIMITS = { concurrency: 1, waitingMax: 64, sentenceTimeoutMs: 60_000 };
const GERMAN = { upstreamId: 'de', language: 'de', stretch: 1 };

/** "One, two, three." in each language, so that no word is missing from any voice's dictionary. */
const WORDS: Readonly<Record<string, string>> = {
  'espeak-en-us': 'One, two, three.',
  'espeak-en-gb': 'One, two, three.',
  'espeak-es': 'Uno, dos, tres.',
  'espeak-fr': 'Un, deux, trois.',
  'espeak-de': 'Eins, zwei, drei.',
  'espeak-it': 'Uno, due, tre.',
  'espeak-pt': 'Um, dois, três.',
  'espeak-pt-br': 'Um, dois, três.',
  'espeak-pl': 'Jeden, dwa, trzy.',
  'espeak-tr': 'Bir, iki, üç.',
  'espeak-ru': 'Один, два, три.',
  'espeak-nl': 'Een, twee, drie.',
  'espeak-cs': 'Jedna, dvě, tři.',
  'espeak-ar': 'واحد، اثنان، ثلاثة.',
  'espeak-zh': '一，二，三。',
  'espeak-hu': 'Egy, kettő, három.',
  'espeak-ko': '하나, 둘, 셋.',
  'espeak-ja': 'いち、に、さん。',
  'espeak-hi': 'एक, दो, तीन।',
};

describeInstalled(`local speech by espeak-ng${installed ? '' : ' (skipped: espeak-ng is not on the PATH)'}`, () => {
  let adapter: EngineSpeechAdapter;
  beforeAll(() => {
    adapter = createLocalSpeech({ searchPath });
  });
  afterAll(() => adapter.close());

  test('adds a model and the voices of it; the default stays as it was', async () => {
    expect(adapter.models.map(({ name }) => name)).toEqual(['flite', 'espeak-ng']);
    expect(adapter.defaultModel).toBe('flite');
    const voices = (await adapter.voices()).map(({ id }) => id);
    expect(voices.filter((id) => localModelForVoice(id) === 'espeak-ng')).toEqual(Object.keys(WORDS));
  });

  test.each(Object.entries(WORDS))('%s speaks its language', async (voice, text) => {
    const file = await spoken(adapter, { voice, text, format: 'WAV', sampleRate: 22_050 });
    expect(file.readUInt32LE(24)).toBe(22_050);
    const samples = linearSamples(file.subarray(44));
    expect(samples.length / 22_050).toBeGreaterThan(0.8);
    expect(samples.length / 22_050).toBeLessThan(6);
    expectSpeech(samples, 22_050);
  });

  test('languages are told apart: the same letters are not read alike', async () => {
    const made = await Promise.all(
      ['espeak-de', 'espeak-fr', 'espeak-en-us'].map((voice) => spoken(adapter, { voice, text: 'Restaurant' })),
    );
    expect(new Set(made.map((bytes) => bytes.toString('base64'))).size).toBe(3);
  });

  test('comes at the default rate and as MULAW, in the same time', async () => {
    const overrides = { voice: 'espeak-de', text: 'Guten Morgen, wie geht es Ihnen?' };
    const natural = linearSamples(await spoken(adapter, { ...overrides, sampleRate: 22_050 }));
    const usual = linearSamples(await spoken(adapter, overrides));
    const telephone = await spoken(adapter, { ...overrides, format: 'MULAW', sampleRate: 8_000 });
    expect(usual.length).toBe(Math.ceil((natural.length * 16_000) / 22_050));
    expect(telephone.length).toBe(Math.ceil((natural.length * 8_000) / 22_050));
    expectSpeech(usual, 16_000);
  });

  test('takes half the time at twice the speed, nearly', async () => {
    const overrides = { voice: 'espeak-de', text: 'Guten Morgen, wie geht es Ihnen an diesem schönen Tag?' };
    const [natural, fast] = await Promise.all([
      spoken(adapter, overrides),
      spoken(adapter, { ...overrides, speed: 2 }),
    ]);
    expect(natural.length / fast.length).toBeGreaterThan(1.7);
    expect(natural.length / fast.length).toBeLessThan(2.3);
  });

  test('text is never a command: options, phonemes and control codes are spoken or dropped', async () => {
    const say = (text: string): Promise<Buffer> => spoken(adapter, { voice: 'espeak-en-us', text });
    for (const text of ['--version', '-w out.wav', '<speak>hello</speak>']) {
      expectSpeech(linearSamples(await say(text)), 16_000);
    }
    expect(await say('[[hello]]')).toEqual(await say('[ [hello]]'));
    expect(await say('hello \u0001400S there')).toEqual(await say('hello 400S there'));
  });

  test('a voice of one engine is refused by the model of the other, which is told', async () => {
    const [flite, espeak] = adapter.models;
    await expect(spoken(adapter, { voice: 'slt', model: espeak! })).rejects.toMatchObject({
      kind: 'REJECTED',
      message: expect.stringMatching(/slt.*model flite/),
    });
    await expect(spoken(adapter, { voice: 'espeak-de', model: flite })).rejects.toMatchObject({
      kind: 'REJECTED',
      message: expect.stringMatching(/espeak-de.*model espeak-ng/),
    });
    await expect(spoken(adapter, { voice: 'espeak-de', language: 'fr' })).rejects.toMatchObject({ kind: 'REJECTED' });
    await expect(spoken(adapter, { voice: 'espeak-de', language: 'de-CH' })).resolves.toBeDefined();
  });

  test('a voice that the program lacks fails with UNAVAILABLE', async () => {
    const engine = new EspeakEngine(findEspeak(searchPath)!, LIMITS);
    const voice = { ...GERMAN, upstreamId: 'xx-none' };
    await expect(
      engine.speak({ text: 'hallo', voice, speed: 1, admitted: false }, neverAborted()),
    ).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
    await engine.close();
  });

  test('an abort in the middle ends the call, and others go on', async () => {
    const abort = new AbortController();
    const text = 'Das ist ein Satz. '.repeat(50);
    const call = speechCall(adapter, { voice: 'espeak-de', text });
    const stream = adapter.synthesize(call, abort.signal)[Symbol.asyncIterator]();
    await stream.next();
    abort.abort();
    await expect(stream.next()).rejects.toMatchObject({ kind: 'CANCELLED' });
    expectSpeech(linearSamples(await spoken(adapter, { voice: 'espeak-de', text: 'Guten Morgen.' })), 16_000);
  });
});

describe('the program of espeak', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'polyphony-espeak-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const place = (name: string, script: string, mode = 0o755): string => {
    mkdirSync(path.join(folder, name), { recursive: true });
    const file = path.join(folder, name, 'espeak-ng');
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode });
    return file;
  };

  test('is the first executable file of the name in an absolute folder', () => {
    place('unusable', 'exit 0', 0o644);
    mkdirSync(path.join(folder, 'taken', 'espeak-ng'), { recursive: true });
    const first = place('first', 'exit 0');
    place('second', 'exit 0');
    const folders = (...names: string[]): string => names.map((name) => path.join(folder, name)).join(path.delimiter);

    expect(findEspeak(folders('none', 'taken', 'first', 'second'))).toBe(first);
    expect(findEspeak(path.relative(process.cwd(), path.join(folder, 'first')))).toBeNull();
    expect(findEspeak('')).toBeNull();
    // The superuser may not run a file without an execute bit either.
    expect(findEspeak(folders('unusable'))).toBeNull();
  });

  test('hangs: the process is ended when the call is, by the caller, by time or by closing', async () => {
    const pidFile = path.join(folder, 'pid');
    const executable = place('hanging', `echo $$ > ${pidFile}.part; mv ${pidFile}.part ${pidFile}; exec sleep 600`);
    const endings: readonly [string, number, (abort: AbortController, engine: EspeakEngine) => void][] = [
      ['CANCELLED', 60_000, (abort) => abort.abort()],
      ['UNAVAILABLE', 60_000, (_abort, engine) => void engine.close()],
      ['UNAVAILABLE', 1_000, () => undefined],
    ];
    for (const [kind, sentenceTimeoutMs, end] of endings) {
      rmSync(pidFile, { force: true });
      const engine = new EspeakEngine(executable, { ...LIMITS, sentenceTimeoutMs });
      const abort = new AbortController();
      const started = appears(folder, 'pid');
      const results = Promise.allSettled([
        engine.speak({ text: 'hallo', voice: GERMAN, speed: 1, admitted: false }, abort.signal),
      ]);
      await started;
      end(abort, engine);
      expect(await results).toMatchObject([{ status: 'rejected', reason: { kind } }]);
      await engine.close();
      const pid = Number(readFileSync(pidFile, 'utf8'));
      expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    }
  });

  test.each([
    ['fails', 'echo sorry >&2; exit 4'],
    ['answers with something else', 'echo hello'],
    ['cannot be started', null],
  ])('%s: UNAVAILABLE, and the text of the request is not in the message', async (_name, script) => {
    const executable = script === null ? path.join(folder, 'gone') : place('broken', script);
    const engine = new EspeakEngine(executable, LIMITS);
    const result = engine.speak({ text: 'secret words', voice: GERMAN, speed: 1, admitted: false }, neverAborted());
    await expect(result).rejects.toMatchObject({
      kind: 'UNAVAILABLE',
      message: expect.not.stringMatching(/secret|sorry/),
    });
    await engine.close();
  });

  test('sees no setting of the server and gets the text by its standard input alone', async () => {
    const seen = path.join(folder, 'seen');
    const engine = new EspeakEngine(place('spy', `env > ${seen}; echo "$@" >> ${seen}; exit 1`), LIMITS);
    process.env.POLYPHONY_TEST_SECRET = 'open sesame';
    try {
      const sentence = { text: 'private words', voice: GERMAN, speed: 1, admitted: false };
      await expect(engine.speak(sentence, neverAborted())).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
    } finally {
      delete process.env.POLYPHONY_TEST_SECRET;
      await engine.close();
    }
    expect(readFileSync(seen, 'utf8')).toMatch(/--stdin --stdout/);
    expect(readFileSync(seen, 'utf8')).not.toMatch(/sesame|private/);
  });
});

/** Resolves when a file of the name comes into a folder; begin before it can. */
async function appears(folder: string, name: string): Promise<void> {
  for await (const { filename } of watch(folder)) if (filename === name) return;
}
