import type { SpeechText } from '../../../providers/contract/speech-text';
import type { EngineSpeechAdapter } from '../../../providers/contract/tts';
import { createLocalSpeech, localModelForVoice } from '../../../providers/local/tts';
import { expectSpeech, linearSamples, mulawSamples, neverAborted, speechCall, spoken } from './support/speech';

const SENTENCE = 'The quick brown fox jumps over the lazy dog, while clever engineers listen carefully.';

describe('local speech by flite', () => {
  let adapter: EngineSpeechAdapter;
  beforeAll(() => {
    adapter = createLocalSpeech();
  });
  afterAll(() => adapter.close());

  test('needs no key, no setting and no program: one English model and the voices of it', async () => {
    expect(adapter).toMatchObject({ provider: 'local', keyHeader: null, firstParty: false, defaultModel: 'flite' });
    expect(adapter.models.map(({ name, languages }) => [name, languages])).toEqual([['flite', ['en']]]);
    const voices = await adapter.voices();
    expect(voices.map(({ id }) => id)).toEqual(['slt', 'rms', 'awb', 'kal16']);
    expect(voices.every(({ id }) => localModelForVoice(id) === 'flite')).toBe(true);
    expect(voices.map(({ id }) => id)).toContain(adapter.defaultVoice);
    expect(localModelForVoice('nobody')).toBeNull();
  });

  test.each(['slt', 'rms', 'awb', 'kal16'])(
    '%s speaks: a WAV that decodes, of plausible length and not silent',
    async (voice) => {
      const file = await spoken(adapter, { voice, text: SENTENCE, format: 'WAV' });

      expect(file.toString('latin1', 0, 4)).toBe('RIFF');
      expect(file.toString('latin1', 8, 16)).toBe('WAVEfmt ');
      expect(file.readUInt32LE(4)).toBe(0xffffffff);
      expect([file.readUInt16LE(20), file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34)]).toEqual([
        1, 1, 16_000, 16,
      ]);
      expect(file.toString('latin1', 36, 40)).toBe('data');
      const samples = linearSamples(file.subarray(44));
      expect(samples.length / 16_000).toBeGreaterThan(4);
      expect(samples.length / 16_000).toBeLessThan(8);
      expectSpeech(samples, 16_000);
    },
  );

  test('different voices say the same words differently', async () => {
    const made = await Promise.all(['slt', 'rms', 'awb', 'kal16'].map((voice) => spoken(adapter, { voice })));
    expect(new Set(made.map((bytes) => bytes.toString('base64'))).size).toBe(4);
  });

  test('the audio of a text is the audio of its sentences, one after the other', async () => {
    const [first, second, both] = await Promise.all([
      spoken(adapter, { text: 'Rain is falling today.' }),
      spoken(adapter, { text: 'Dr. Miller stays at home, as she said.' }),
      spoken(adapter, { text: 'Rain is falling today. Dr. Miller stays at home, as she said.' }),
    ]);
    expect(both.equals(Buffer.concat([first, second]))).toBe(true);
  });

  test.each([
    ['slt', 0.5],
    ['slt', 2],
    ['kal16', 0.5],
    ['kal16', 1.5],
  ])('%s at speed %d takes its natural time divided by the speed', async (voice, speed) => {
    const natural = await spoken(adapter, { voice, text: SENTENCE });
    const changed = await spoken(adapter, { voice, text: SENTENCE, speed });
    expect((changed.length * speed) / natural.length).toBeCloseTo(1, 1);
    expectSpeech(linearSamples(changed), 16_000);
  });

  test('a break is silence of exactly its length between what stands around it', async () => {
    const spans: SpeechText = [
      { kind: 'text', text: 'One moment' },
      { kind: 'break', milliseconds: 750 },
      { kind: 'text', text: 'there it is' },
    ];
    const [before, after, whole] = await Promise.all([
      spoken(adapter, { text: 'One moment' }),
      spoken(adapter, { text: 'there it is' }),
      spoken(adapter, { spans }),
    ]);
    expect(whole.equals(Buffer.concat([before, Buffer.alloc(0.75 * 16_000 * 2), after]))).toBe(true);
  });

  test.each([8_000, 22_050, 24_000, 44_100, 48_000])('speaks at %d Hz in the same time', async (sampleRate) => {
    const [natural, changed] = await Promise.all([
      spoken(adapter, { voice: 'kal16', text: SENTENCE }),
      spoken(adapter, { voice: 'kal16', text: SENTENCE, sampleRate }),
    ]);
    expect(changed.length / 2).toBe(Math.ceil(((natural.length / 2) * sampleRate) / 16_000));
    expectSpeech(linearSamples(changed), sampleRate);
  });

  test('MULAW is speech at 8 kHz, a byte for each sample', async () => {
    const natural = await spoken(adapter, { text: SENTENCE });
    const encoded = await spoken(adapter, { text: SENTENCE, format: 'MULAW', sampleRate: 8_000 });
    expect(encoded.length).toBe(Math.ceil(natural.length / 4));
    expectSpeech(mulawSamples(encoded), 8_000);
  });

  test('the first sentence leaves before the rest is made', async () => {
    const own = createLocalSpeech();
    const text = Array.from({ length: 10 }, (_, index) => `This is sentence number ${index} of ten.`).join(' ');
    const stream = own.synthesize(speechCall(own, { text }), neverAborted())[Symbol.asyncIterator]();
    const first = await stream.next();
    expect(first.value?.length).toBeGreaterThan(16_000);

    // Nothing can be made any more, so a complete answer would have to have been there already.
    await own.close();
    const rest = async (): Promise<void> => {
      while (!(await stream.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ name: 'ProviderError', kind: 'UNAVAILABLE' });
  });

  test('twenty calls at once each get their own words, the same as alone', async () => {
    const words = ['apple', 'banana', 'cherry', 'dolphin', 'elephant'];
    const alone = await Promise.all(words.map((text) => spoken(adapter, { voice: 'kal16', text })));
    const together = await Promise.all(
      Array.from({ length: 20 }, (_, index) => spoken(adapter, { voice: 'kal16', text: words[index % 5]! })),
    );
    expect(new Set(alone.map((bytes) => bytes.toString('base64'))).size).toBe(5);
    for (const [index, bytes] of together.entries()) expect(bytes.equals(alone[index % 5]!)).toBe(true);
  });

  test('accents and typographic signs are read as the plain words', async () => {
    const fancy = await spoken(adapter, {
      voice: 'kal16',
      text: 'She\u2019s at the caf\u00E9 \u65E5\u672C\u8A9E in Z\u00FCrich \u{1F600}',
    });
    const plain = await spoken(adapter, { voice: 'kal16', text: "She's at the cafe in Zurich" });
    expect(fancy.equals(plain)).toBe(true);
  });

  test('text that looks like an option, or like markup, is only spoken', async () => {
    for (const text of ['-voice kal', '--help', '-o other.wav hello', '<speak>hello</speak>', '%s%n']) {
      expectSpeech(linearSamples(await spoken(adapter, { text })), 16_000);
    }
  });

  test.each([
    ['another script', '\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439'],
    ['pictures', '\u{1F600}\u{1F601}'],
    ['marks alone', '... !? -'],
    ['an unpaired surrogate', '\uD800'],
    ['nothing', ' '],
  ])('%s cannot be spoken: refused before any audio, with what to do', async (_name, text) => {
    await expect(spoken(adapter, { text, format: 'WAV' })).rejects.toMatchObject({
      kind: 'REJECTED',
      retryable: false,
      message: expect.stringMatching(/install espeak-ng on the server or choose another provider/),
    });
  });

  test.each([
    ['an unknown voice', { voice: 'nobody' }, /no such voice/],
    ['a voice of an engine that is not installed', { voice: 'espeak-de' }, /install/],
    ['another language', { language: 'de' }, /en-US alone/],
  ])('%s is refused', async (_name, overrides, message) => {
    await expect(spoken(adapter, overrides)).rejects.toMatchObject({
      kind: 'REJECTED',
      message: expect.stringMatching(message),
    });
  });

  test('no character is spoken for longer than the model declares', async () => {
    const bound = adapter.models[0].millisecondsPerCharacterMax;
    for (const voice of ['slt', 'rms', 'awb', 'kal16']) {
      for (const text of [
        '\u2A76',
        '\u2103',
        '_',
        'W',
        '777777777',
        '1,234,567,890',
        '$999,999,999.99',
        'W\n\nW\n\nW',
      ]) {
        const milliseconds = (await spoken(adapter, { voice, text })).length / 32;
        expect(milliseconds).toBeLessThanOrEqual(bound * text.length);
      }
    }
  });

  test('a text of the longest length is spoken to its end', async () => {
    const text = 'word, '.repeat(adapter.models[0].charactersMax / 6);
    const samples = (await spoken(adapter, { voice: 'kal16', text })).length / 2;
    expect(samples / 16_000).toBeGreaterThan((text.length / 6) * 0.2);
  });
});
