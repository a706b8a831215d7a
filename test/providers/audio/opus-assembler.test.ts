import fc from 'fast-check';
import { createAssembler } from '../../../providers/audio';
import { ascii, assemble, concat, faultOf, noise, pieceSizes } from './support/assemble';
import { BEGIN, buildOpus, buildPage, END, opusHead, opusPacket, PACKET_SAMPLES, readOpus } from './support/opus';

const OPUS = { format: 'OGG_OPUS', sampleRate: 48_000, channels: 1 } as const;
const packetsOf = (count: number, seed: number, length = 60): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => opusPacket(length, seed * 100 + index));
const packets = packetsOf(9, 1);
const file = buildOpus({ packets });

describe('Ogg Opus assembler', () => {
  test('makes one logical stream of all packets, whatever the pieces, pages, serials and paddings', () => {
    const part = fc.record({
      lengths: fc.array(fc.integer({ min: 2, max: 900 }), { minLength: 2, maxLength: 12 }),
      serial: fc.nat(0xffffffff),
      preSkip: fc.constantFrom(0, 312, 3840),
      segmentsMax: fc.integer({ min: 1, max: 12 }),
      endPadding: fc.integer({ min: 0, max: PACKET_SAMPLES - 1 }),
      tagsLength: fc.constantFrom(16, 255, 1300),
      unmarkedEnd: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), pieceSizes, (drawn, sizes) => {
        const parts = drawn.map(({ lengths, ...options }) => ({
          ...options,
          packets: lengths.map((length, index) => opusPacket(length, index + length)),
          // Without an end mark nothing is cut off.
          endPadding: options.unmarkedEnd ? 0 : options.endPadding,
        }));
        // The first part is longer than any pre-skip.
        parts[0]!.packets.push(...packetsOf(5, 3));
        const result = assemble(OPUS, parts.map(buildOpus), sizes);
        expect(result.patch).toBeNull();
        const joined = readOpus(result.file);
        expect(joined.packets).toEqual(parts.flatMap((each) => each.packets));
        expect(joined.serial).toBe(parts[0]!.serial);
        expect(joined.preSkip).toBe(parts[0]!.preSkip);
        const samples = joined.packets.length * PACKET_SAMPLES - parts.at(-1)!.endPadding;
        expect(joined.lastGranule).toBe(samples);
        expect(result).toMatchObject({
          sampleRate: 48_000,
          channels: 1,
          sizeBytes: result.file.length,
          durationMs: Math.ceil((samples - joined.preSkip) / 48),
        });
      }),
      { numRuns: 80 },
    );
  });

  test('one file comes out as it went in, but for what the page checksums cover', () => {
    expect(assemble(OPUS, [buildOpus({ packets, endPadding: 100 })], [31]).file).toEqual(
      buildOpus({ packets, endPadding: 100 }),
    );
  });

  test('a page leaves with its last byte unless it ends its part', () => {
    const assembler = createAssembler(OPUS);
    const last = Buffer.from(file).lastIndexOf('OggS');
    expect(concat(assembler.push(file.subarray(0, last)))).toEqual(file.subarray(0, last));
    expect(assembler.push(file.subarray(last))).toEqual([]);
    expect(assembler.endPart()).toEqual([]);
    expect(assembler.durationSoFarMs()).toBe(Math.ceil((9 * PACKET_SAMPLES - 312) / 48));
    expect(concat(assembler.finish().tail)).toEqual(file.subarray(last));
  });

  test('a recording that was joined late keeps its true length', () => {
    const lacing = [60, 60];
    const body = concat(packetsOf(2, 1));
    const pages = [
      buildPage({ flags: BEGIN, granule: 0n, serial: 1, sequence: 0, lacing: [19], body: opusHead(1, 312) }),
      buildPage({
        flags: 0,
        granule: 0n,
        serial: 1,
        sequence: 1,
        lacing: [16],
        body: ascii('OpusTags\0\0\0\0\0\0\0\0'),
      }),
      buildPage({ flags: 0, granule: 101_920n, serial: 1, sequence: 2, lacing, body }),
      buildPage({ flags: END, granule: 103_740n, serial: 1, sequence: 3, lacing, body }),
    ];
    const { lastGranule } = readOpus(assemble(OPUS, [concat(pages)]).file);
    expect(lastGranule).toBe(4 * PACKET_SAMPLES - 100);
  });

  test('whole files that a server put one after the other in one answer are all heard', () => {
    const other = buildOpus({ packets: packetsOf(4, 2), serial: 99 });
    const { packets: heard } = readOpus(assemble(OPUS, [concat([file, other])], [50]).file);
    expect(heard).toEqual([...packets, ...packetsOf(4, 2)]);
  });

  test('durations of packets follow RFC 6716 for every configuration', () => {
    // Milliseconds of one frame for the configurations 0 to 31.
    const silk = [10, 20, 40, 60];
    const celt = [2.5, 5, 10, 20];
    const frames = [...silk, ...silk, ...silk, 10, 20, 10, 20, ...celt, ...celt, ...celt, ...celt];
    for (const [config, ms] of frames.entries()) {
      for (const [code, count] of [
        [0, 1],
        [1, 2],
        [2, 2],
        [3, 1],
      ] as const) {
        const packet = Uint8Array.of((config << 3) | code, 1, 2, 3);
        const head = buildOpus({ packets: [packet], preSkip: 0, unmarkedEnd: true });
        expect(assemble(OPUS, [head]).durationMs).toBe(Math.ceil(ms * count));
      }
    }
  });

  const damaged = file.slice();
  damaged[damaged.length - 3]! ^= 4;
  const secondPage = Buffer.from(file).indexOf('OggS', 4);
  test.each<[string, Uint8Array, string, string]>([
    ['a cut last page', file.subarray(0, -1), 'TRUNCATED', 'page'],
    ['a cut page header', file.subarray(0, 20), 'TRUNCATED', 'page'],
    ['headers alone, cut', file.subarray(0, secondPage), 'TRUNCATED', 'header'],
    [
      'a packet that is not finished',
      buildOpus({ packets: [opusPacket(600, 1)], segmentsMax: 2 }).subarray(0, -27 - 1 - 90),
      'TRUNCATED',
      'packet',
    ],
    ['a flipped bit', damaged, 'DAMAGED', 'checksum'],
    ['no header', file.subarray(secondPage), 'DAMAGED', 'header'],
    ['bytes between pages', concat([file.subarray(0, secondPage), noise(40, 1), file]), 'DAMAGED', 'no page'],
    [
      'pages after the end',
      concat([file, file.subarray(Buffer.from(file).lastIndexOf('OggS'))]),
      'DAMAGED',
      'after its end',
    ],
    ['two streams at once', concat([file.subarray(0, secondPage), file]), 'DAMAGED', 'mixed'],
    ['a packet that cannot be', buildOpus({ packets: [Uint8Array.of(0xfb, 0x3f, 1)] }), 'DAMAGED', 'not Opus'],
    [
      'Ogg Vorbis',
      buildPage({
        flags: BEGIN,
        granule: 0n,
        serial: 1,
        sequence: 0,
        lacing: [30],
        body: concat([ascii('\x01vorbis'), noise(23, 1)]),
      }),
      'WRONG_FORMAT',
      'not Opus',
    ],
    ['MP3', Uint8Array.of(0xff, 0xfb, 0x90, 0xc4, 0, 0, 0, 0), 'WRONG_FORMAT', 'MP3'],
  ])('refuses %s, however it is cut', (_, part, fault, words) => {
    for (const sizes of [[1], [29], [100_000]]) {
      const found = faultOf(OPUS, [part], sizes);
      expect(found?.fault).toBe(fault);
      expect(found?.message).toContain(words);
    }
  });

  test('refuses sound that is shorter than its pre-skip', () => {
    expect(faultOf(OPUS, [buildOpus({ packets: packetsOf(2, 1), preSkip: 3840 })])?.fault).toBe('NO_AUDIO');
  });

  test.each([
    ['number of channels', { channels: 2 }],
    ['gain', { gain: 256 }],
  ])('refuses a later part with another %s', (_, options) => {
    expect(faultOf(OPUS, [file, buildOpus({ packets, ...options })])?.fault).toBe('MISMATCH');
  });
});
