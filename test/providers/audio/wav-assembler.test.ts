import fc from 'fast-check';
import { createAssembler, wavHeader } from '../../../providers/audio';
import { ascii, assemble, concat, faultOf, noise, pieceSizes, samplesToBytes, sine } from './support/assemble';
import { buildWav, chunk, readWav, type WavOptions } from './support/wav';

const WAV = { format: 'WAV', sampleRate: 24_000, channels: 1 } as const;
const tone = samplesToBytes(sine(2400, 440, 24_000));

describe('WAV assembler', () => {
  test.each<[string, WavOptions]>([
    ['true lengths', {}],
    ['0xFFFFFFFF twice', { riffLength: 0xffffffff, dataLength: 0xffffffff }],
    ['2000000036 and 2000000000', { riffLength: 2_000_000_036, dataLength: 2_000_000_000 }],
    ['36 and 0', { riffLength: 36, dataLength: 0 }],
    ['0 and 0', { riffLength: 0, dataLength: 0 }],
    ['0x7FFFFFFF - 36 and 0xFFFFFFFF', { riffLength: 0x7fffffff - 36, dataLength: 0xffffffff }],
    ['0x7FFFF024 and 0x7FFFF000', { riffLength: 0x7ffff024, dataLength: 0x7ffff000 }],
    ['4294967076 and 4294967040', { riffLength: 4_294_967_076, dataLength: 4_294_967_040 }],
    ['a LIST before, lengths unknown', { before: chunk('LIST', noise(33, 1)), dataLength: 0xffffffff }],
    ['a LIST before and after', { before: chunk('LIST', noise(26, 1)), after: chunk('LIST', noise(51, 2)) }],
    ['the extensible format', { extensible: true }],
  ])('gives out the same file for a header with %s', (_, options) => {
    const { file, stream, durationMs } = assemble(WAV, [buildWav(tone, options)]);
    expect(stream.subarray(0, 44)).toEqual(wavHeader(24_000, 1, null));
    expect(readWav(file)).toEqual({ sampleRate: 24_000, channels: 1, data: tone });
    expect(durationMs).toBe(100);
  });

  test('joins parts under one header, whatever the pieces and lengths', () => {
    const part = fc.record({
      data: fc.integer({ min: 1, max: 300 }).map((frames) => noise(frames * 4, frames)),
      options: fc.constantFrom<WavOptions>(
        {},
        { dataLength: 0xffffffff },
        { dataLength: 0, riffLength: 36 },
        { after: chunk('LIST', noise(40, 3)) },
      ),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), pieceSizes, (parts, sizes) => {
        const files = parts.map(({ data, options }) => buildWav(data, { ...options, sampleRate: 44_100, channels: 2 }));
        const result = assemble({ ...WAV, sampleRate: 44_100, channels: 2 }, files, sizes);
        const { data } = readWav(result.file);
        expect(data).toEqual(concat(parts.map((each) => each.data)));
        expect(result.durationMs).toBe(Math.ceil((data.length / 4 / 44_100) * 1000));
        expect(result.sizeBytes).toBe(result.stream.length);
        expect(result.stream.subarray(44)).toEqual(data);
      }),
    );
  });

  test('the first samples leave with the piece that brought them', () => {
    const assembler = createAssembler(WAV);
    const out = assembler.push(buildWav(tone, { dataLength: 0xffffffff }).subarray(0, 50));
    expect(concat(out)).toEqual(concat([wavHeader(24_000, 1, null), tone.subarray(0, 6)]));
    expect(concat(assembler.push(tone.subarray(6, 9)))).toEqual(tone.subarray(6, 8));
    expect(assembler.durationSoFarMs()).toBe(1);
  });

  test('half a sample at the end of a part does not shift the next part', () => {
    const cut = buildWav(tone.subarray(0, 11), { dataLength: 0xffffffff }).subarray(0, 44 + 11);
    const { file } = assemble(WAV, [cut, buildWav(tone)], [7]);
    expect(readWav(file).data).toEqual(concat([tone.subarray(0, 10), tone]));
  });

  test('whole files that a server put one after the other in one answer are all heard', () => {
    const answer = concat([buildWav(tone, { after: chunk('LIST', noise(9, 1)) }), buildWav(tone)]);
    expect(readWav(assemble(WAV, [answer], [13]).file).data).toEqual(concat([tone, tone]));
  });

  test('an empty data chunk with others behind it is empty, not endless', () => {
    const empty = buildWav(new Uint8Array(0), { after: chunk('LIST', noise(300, 1)) });
    expect(readWav(assemble(WAV, [empty, buildWav(tone)]).file).data).toEqual(tone);
    expect(faultOf(WAV, [empty])).toEqual({ fault: 'NO_AUDIO', message: 'The WAV stream holds no audio.' });
  });

  test('rate and channels are those of the first part, and reported', () => {
    const result = assemble(WAV, [buildWav(tone, { sampleRate: 22_050, channels: 2 })]);
    expect(result).toMatchObject({ sampleRate: 22_050, channels: 2, durationMs: Math.ceil((1200 / 22_050) * 1000) });
    expect(readWav(result.file)).toMatchObject({ sampleRate: 22_050, channels: 2 });
  });

  test.each<[string, Uint8Array, string, string]>([
    ['mu-law', buildWav(tone, { tag: 7, bits: 8 }), 'WRONG_FORMAT', 'mu-law'],
    ['floats', buildWav(tone, { tag: 3, bits: 32 }), 'WRONG_FORMAT', 'floating-point'],
    ['extensible floats', buildWav(tone, { tag: 3, bits: 32, extensible: true }), 'WRONG_FORMAT', 'floating-point'],
    ['24 bits', buildWav(tone, { bits: 24 }), 'WRONG_FORMAT', '24-bit'],
    ['no channel', buildWav(tone, { channels: 0 }), 'DAMAGED', '0 channels'],
    ['fewer bytes than promised', buildWav(tone).subarray(0, -2), 'TRUNCATED', 'data chunk'],
    ['a cut header', buildWav(tone).subarray(0, 43), 'TRUNCATED', 'header'],
    ['a cut marker', ascii('RI'), 'TRUNCATED', 'header'],
    [
      'RIFF of another kind',
      concat([ascii('RIFF'), noise(4, 1), ascii('AVI LIST'), noise(40, 1)]),
      'WRONG_FORMAT',
      'RIFF',
    ],
    ['data before its format', concat([buildWav(tone).subarray(0, 12), chunk('data', tone)]), 'DAMAGED', 'format'],
  ])('refuses %s, however it is cut', (_, part, fault, words) => {
    for (const sizes of [[1], [13], [100_000]]) {
      const found = faultOf(WAV, [part], sizes);
      expect(found?.fault).toBe(fault);
      expect(found?.message).toContain(words);
    }
  });

  test.each<[string, WavOptions]>([
    ['rate', { sampleRate: 16_000 }],
    ['number of channels', { channels: 2 }],
  ])('refuses a later part with another %s', (_, options) => {
    expect(faultOf(WAV, [buildWav(tone), buildWav(tone, options)])?.fault).toBe('MISMATCH');
  });
});

test('wavHeader declares the unknown where the length does not fit', () => {
  expect(wavHeader(8000, 2, 2 ** 32)).toEqual(wavHeader(8000, 2, null));
  expect(readWav(concat([wavHeader(8000, 2, 8), noise(8, 1)]))).toMatchObject({ sampleRate: 8000, channels: 2 });
});
