import fc from 'fast-check';
import { createAssembler } from '../../../providers/audio';
import { ascii, assemble, concat, faultOf, noise, pieceSizes } from './support/assemble';
import {
  apeTag,
  id3v1,
  id3v2,
  indexFrame,
  MPEG1_MONO,
  MPEG1_STEREO,
  MPEG2_MONO,
  MPEG25_MONO,
  type Mp3Kind,
  mp3Frame,
  mp3Frames,
  samplesPerFrame,
} from './support/mp3';

const MP3 = { format: 'MP3', sampleRate: 44_100, channels: 1 } as const;
const nothing = new Uint8Array(0);

describe('MP3 assembler', () => {
  test.each<[string, Mp3Kind]>([
    ['MPEG 1 stereo', MPEG1_STEREO],
    ['MPEG 1 mono', MPEG1_MONO],
    ['MPEG 2 mono', MPEG2_MONO],
    ['MPEG 2.5 mono', MPEG25_MONO],
  ])('joins the frames of %s and nothing else, whatever the pieces', (_, kind) => {
    const part = fc.record({
      count: fc.integer({ min: 1, max: 12 }),
      before: fc.constantFrom(
        nothing,
        id3v2(300),
        concat([id3v2(5), indexFrame(kind, 'Info')]),
        indexFrame(kind, 'Xing'),
        indexFrame(kind, 'VBRI'),
        concat([id3v2(9), new Uint8Array(700)]),
      ),
      after: fc.constantFrom(nothing, id3v1(), concat([apeTag(50), id3v1()]), new Uint8Array(37)),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), pieceSizes, (parts, sizes) => {
        const frames = parts.map(({ count }, index) => mp3Frames(kind, count, index + 1));
        const bodies = parts.map(({ before, after }, index) => concat([before, frames[index]!, after]));
        const result = assemble(MP3, bodies, sizes);
        expect(result.file).toEqual(concat(frames));
        const samples = parts.reduce((sum, { count }) => sum + count * samplesPerFrame(kind), 0);
        expect(result).toMatchObject({
          patch: null,
          sizeBytes: result.file.length,
          sampleRate: kind.sampleRate,
          channels: kind.channels,
          durationMs: Math.ceil((samples * 1000) / kind.sampleRate),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('a frame leaves with its last byte', () => {
    const assembler = createAssembler(MP3);
    const frame = mp3Frame(MPEG1_MONO, 1);
    expect(assembler.push(frame.subarray(0, -1))).toEqual([]);
    expect(concat(assembler.push(frame.subarray(-1)))).toEqual(frame);
    expect(assembler.durationSoFarMs()).toBe(27);
  });

  test('frames that arrive together leave as one view, not as copies', () => {
    const body = mp3Frames(MPEG1_MONO, 8);
    const out = createAssembler(MP3).push(body);
    expect(out).toHaveLength(1);
    expect(out[0]!.buffer).toBe(body.buffer);
  });

  test('tags and index frames between the frames of one answer are dropped', () => {
    const one = mp3Frames(MPEG2_MONO, 3, 1);
    const two = mp3Frames(MPEG2_MONO, 2, 2);
    const answer = concat([id3v2(3), one, id3v1(), id3v2(40), indexFrame(MPEG2_MONO, 'Info'), two]);
    const plain = concat([one, indexFrame(MPEG2_MONO, 'Info'), two]);
    expect(assemble(MP3, [answer], [11]).file).toEqual(concat([one, two]));
    expect(assemble(MP3, [plain], [11]).file).toEqual(concat([one, two]));
  });

  test('a frame of sound that happens to hold the word "Info" in its place is kept', () => {
    const frame = indexFrame(MPEG1_STEREO, 'Info');
    frame[20] = 1;
    const body = concat([mp3Frame(MPEG1_STEREO, 4), frame]);
    expect(assemble(MP3, [body]).file).toEqual(body);
  });

  test('stray bytes are stepped over, a false sync among them too', () => {
    const frames = mp3Frames(MPEG1_MONO, 3);
    const falseSync = concat([noise(50, 3), mp3Frame(MPEG1_MONO).subarray(0, 4), noise(99, 4)]);
    for (const sizes of [[1], [64], [100_000]]) {
      expect(assemble(MP3, [concat([frames, falseSync, frames])], sizes).file).toEqual(concat([frames, frames]));
    }
  });

  test('silent frames, all zero but their header, are sound', () => {
    const body = concat(Array.from({ length: 5 }, () => mp3Frame(MPEG1_MONO)));
    expect(assemble(MP3, [body], [3]).file).toEqual(body);
  });

  const frames = mp3Frames(MPEG1_MONO, 3);
  test.each<[string, Uint8Array, string, string]>([
    ['a cut last frame', frames.subarray(0, -1), 'TRUNCATED', 'frame'],
    ['a cut header', frames.subarray(0, mp3Frame(MPEG1_MONO).length + 2), 'TRUNCATED', 'frame'],
    ['a cut tag', id3v2(300).subarray(0, 200), 'TRUNCATED', 'tag'],
    ['an error that follows the sound', concat([frames, ascii('{"error":"overloaded"}')]), 'DAMAGED', 'no frame'],
    ['noise inside', concat([frames, noise(9000, 1), frames]), 'DAMAGED', 'no frame'],
    ['nothing but noise', noise(20_000, 1), 'WRONG_FORMAT', 'unrecognised'],
    ['a little noise', noise(20, 1), 'WRONG_FORMAT', 'unrecognised'],
    ['JSON', ascii('{"detail":"Not found, and nothing else"}'), 'WRONG_FORMAT', 'JSON text'],
    ['plain text', ascii('upstream connect error or disconnect'), 'WRONG_FORMAT', 'plain text'],
    ['AAC', concat([Uint8Array.of(0xff, 0xf1, 0x50, 0x80, 0x10, 0x1f, 0xfc), noise(121, 1)]), 'WRONG_FORMAT', 'AAC'],
    ['an index frame alone', indexFrame(MPEG1_MONO, 'Info'), 'NO_AUDIO', 'no audio'],
    ['padding alone', new Uint8Array(900), 'NO_AUDIO', 'no audio'],
  ])('refuses %s, however it is cut', (_, part, fault, words) => {
    for (const sizes of [[1], [17], [100_000]]) {
      const found = faultOf(MP3, [part], sizes);
      expect(found?.fault).toBe(fault);
      expect(found?.message).toContain(words);
    }
  });

  test.each<[string, Mp3Kind]>([
    ['rate', { ...MPEG1_MONO, sampleRate: 48_000 }],
    ['number of channels', MPEG1_STEREO],
  ])('refuses a later part with another %s', (_, kind) => {
    expect(faultOf(MP3, [frames, mp3Frames(kind, 2)])?.fault).toBe('MISMATCH');
  });
});
