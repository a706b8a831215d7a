import fc from 'fast-check';
import { createAssembler } from '../../../providers/audio';
import { AUDIO_FORMATS, type AudioFormat } from '../../../providers/contract/audio';
import { assemble, faultOf, noise, pieceSizes, samplesToBytes, sine } from './support/assemble';
import { buildFlac } from './support/flac';
import { MPEG2_MONO, mp3Frames } from './support/mp3';
import { buildOpus, opusPacket } from './support/opus';
import { buildWav } from './support/wav';

const bytes = samplesToBytes(sine(500, 440, 24_000));
const PART: Readonly<Record<AudioFormat, Uint8Array>> = {
  MP3: mp3Frames(MPEG2_MONO, 4),
  WAV: buildWav(bytes),
  OGG_OPUS: buildOpus({ packets: Array.from({ length: 9 }, (_, index) => opusPacket(80, index + 1)) }),
  FLAC: buildFlac(sine(500, 440, 24_000)),
  PCM: bytes,
  MULAW: noise(500, 1),
};
const framed = AUDIO_FORMATS.filter((format) => format !== 'PCM' && format !== 'MULAW');

describe.each(AUDIO_FORMATS)('%s assembler', (format) => {
  const expected = { format, sampleRate: 24_000, channels: 1 };
  const part = PART[format];

  test('any cutting into pieces gives the same bytes and the same result', () => {
    const whole = assemble(expected, [part, part, part]);
    fc.assert(
      fc.property(pieceSizes, (sizes) => {
        const { stream, file, tail: _, ...result } = assemble(expected, [part, part, part], sizes);
        expect(Buffer.compare(stream, whole.stream)).toBe(0);
        expect(Buffer.compare(file, whole.file)).toBe(0);
        expect(whole).toMatchObject(result);
      }),
    );
  });

  test('the pieces that were pushed are left as they were', () => {
    const before = part.slice();
    assemble(expected, [part, part]);
    expect(part).toEqual(before);
  });

  test('an open part is ended by finish', () => {
    const assembler = createAssembler(expected);
    const out = assembler.push(part);
    const { tail, sizeBytes } = assembler.finish();
    expect([...out, ...tail].reduce((sum, piece) => sum + piece.length, 0)).toBe(sizeBytes);
    expect(sizeBytes).toBe(assemble(expected, [part]).sizeBytes);
  });

  test('a part that is broken off anywhere leaves a whole file of the length that is told', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: part.length }), pieceSizes, (cut, sizes) => {
        const assembler = createAssembler(expected);
        const out: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < cut; ) {
          const end = Math.min(cut, at + sizes[turn++ % sizes.length]!);
          out.push(...assembler.push(part.slice(at, end)));
          at = end;
        }
        out.push(...assembler.cutPart());
        const soFar = assembler.durationSoFarMs();
        if (soFar === 0) {
          expect(() => assembler.finish()).toThrow(expect.objectContaining({ fault: 'NO_AUDIO' }));
          return;
        }
        const { tail, patch, durationMs } = assembler.finish();
        const file = Buffer.concat([...out, ...tail]);
        if (patch) file.set(patch.bytes, patch.offset);
        expect(durationMs).toBe(soFar);
        expect(assemble(expected, [file]).durationMs).toBe(durationMs);
      }),
    );
  });

  test('an empty part, alone or behind others, is refused', () => {
    expect(faultOf(expected, [new Uint8Array(0)])?.fault).toBe('EMPTY');
    expect(faultOf(expected, [part, new Uint8Array(0)])?.fault).toBe('EMPTY');
  });

  test('no part at all is no audio', () => {
    expect(() => createAssembler(expected).finish()).toThrow(expect.objectContaining({ fault: 'NO_AUDIO' }));
  });

  test('it is of no use after finish', () => {
    const assembler = createAssembler(expected);
    assembler.push(part);
    assembler.finish();
    expect(() => assembler.push(part)).toThrow('already finished');
    expect(() => assembler.finish()).toThrow('already finished');
  });

  test('arbitrary bytes are refused or accepted, and never break it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), pieceSizes, (junk, sizes) => {
        expect(faultOf(expected, [junk], sizes)?.fault).toBe(faultOf(expected, [junk])?.fault);
      }),
    );
  });

  test('a byte changed anywhere gives the same verdict for every cutting into pieces', () => {
    fc.assert(
      fc.property(fc.nat(part.length - 1), fc.nat(255), pieceSizes, (at, value, sizes) => {
        const changed = part.slice();
        changed[at] = value;
        expect(faultOf(expected, [part, changed], sizes)?.fault).toBe(faultOf(expected, [part, changed])?.fault);
      }),
    );
  });
});

test.each(framed)('%s: a part cut anywhere short of its end is refused', (format) => {
  const part = PART[format];
  // Where a cut leaves whole frames or pages it cannot be seen, in a stream without a length.
  const invisible = new Set<number>();
  if (format === 'MP3') {
    for (let at = 1; at < part.length; at++) if (part[at] === 0xff) invisible.add(at);
  }
  if (format === 'FLAC') {
    for (let at = 42; at < part.length; at++) if (part[at] === 0xff && part[at + 1] === 0xf8) invisible.add(at);
  }
  if (format === 'OGG_OPUS') {
    for (let at = 0; at >= 0; at = Buffer.from(part).indexOf('OggS', at + 1)) invisible.add(at);
  }
  for (let length = 1; length < part.length; length++) {
    if (invisible.has(length)) continue;
    expect([length, faultOf({ format, sampleRate: 24_000, channels: 1 }, [part.subarray(0, length)])?.fault]).toEqual([
      length,
      'TRUNCATED',
    ]);
  }
});
