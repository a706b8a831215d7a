import fc from 'fast-check';
import type { RecordingFormat } from '../../providers/contract/stt';
import { AppError } from '../../src/lib/errors';
import { ascii, concat, noise } from '../providers/audio/support/assemble';
import { buildFlac } from '../providers/audio/support/flac';
import {
  id3v1,
  id3v2,
  indexFrame,
  MPEG1_STEREO,
  MPEG2_MONO,
  MPEG25_MONO,
  mp3Frames,
  samplesPerFrame,
} from '../providers/audio/support/mp3';
import {
  BEGIN,
  buildOpus,
  buildPage,
  END,
  opusHead,
  opusPacket,
  PACKET_SAMPLES,
} from '../providers/audio/support/opus';
import { buildWav, chunk } from '../providers/audio/support/wav';
import { adtsFrame, buildAdts } from './support/adts';
import { buildMp4 } from './support/mp4';
import { probed, scratchFolder } from './support/probed';
import { vorbisHeaders, vorbisPacket, xiphLaced } from './support/vorbis';
import { buildWebm, type Lacing } from './support/webm';

const folder = scratchFolder();
afterAll(() => folder.remove());

const milliseconds = (samples: number, sampleRate: number): number => Math.ceil((samples * 1_000) / sampleRate);
const expectLength = async (bytes: Uint8Array, format: RecordingFormat, durationMs: number): Promise<void> =>
  expect(await probed(folder.path, bytes)).toEqual({ format, durationMs });
const runs = { numRuns: 40 };

describe('counts the length out of the bytes', () => {
  it('of WAV of any rate, channels and sample size, rounded up to a millisecond', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(8_000, 11_025, 16_000, 44_100, 48_000, 96_000),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom([1, 8], [1, 16], [1, 24], [1, 32], [3, 32], [3, 64], [6, 8], [7, 8]),
        fc.integer({ min: 1, max: 3_000 }),
        fc.boolean(),
        async (sampleRate, channels, [tag, bits], blocks, extensible) => {
          const data = noise((blocks * channels * bits!) / 8, blocks);
          const before = chunk('LIST', noise(blocks % 50, 1));
          const after = chunk('id3 ', noise(blocks % 7, 2));
          const wav = buildWav(data, { sampleRate, channels, tag, bits, extensible, before, after });
          await expectLength(wav, 'WAV', milliseconds(blocks, sampleRate));
        },
      ),
      runs,
    );
  });

  it.each([0xffff_ffff, 0x7fff_f000, 0xffff_ff00, 2_000_000_000])(
    'of WAV whose length was not known when it was written (%i)',
    async (dataLength) => {
      await expectLength(buildWav(noise(16_000, 1), { sampleRate: 8_000, dataLength }), 'WAV', 1_000);
    },
  );

  it('of WAV whose recorder was stopped before it wrote any length', async () => {
    await expectLength(buildWav(noise(16_000, 1), { sampleRate: 8_000, dataLength: 0, riffLength: 36 }), 'WAV', 1_000);
  });

  it('of MP3 with tags before and behind, by its frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(MPEG1_STEREO, MPEG2_MONO, MPEG25_MONO),
        fc.integer({ min: 2, max: 300 }),
        fc.integer({ min: 0, max: 9_000 }),
        async (kind, frames, tagBytes) => {
          const file = concat([id3v2(tagBytes), mp3Frames(kind, frames), id3v1()]);
          await expectLength(file, 'MP3', milliseconds(frames * samplesPerFrame(kind), kind.sampleRate));
        },
      ),
      runs,
    );
  });

  it('of Ogg Opus, without what a decoder drops at the start and at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 3, max: 900 }), { minLength: 2, maxLength: 120 }),
        fc.integer({ min: 0, max: 3_840 }),
        fc.integer({ min: 0, max: PACKET_SAMPLES - 1 }),
        fc.integer({ min: 1, max: 40 }),
        async (sizes, wanted, endPadding, segmentsMax) => {
          const samples = sizes.length * PACKET_SAMPLES - endPadding;
          const preSkip = Math.min(wanted, samples - 1);
          const packets = sizes.map((size, index) => opusPacket(size, index));
          const file = buildOpus({ packets, preSkip, endPadding, segmentsMax, tagsLength: 2_000 });
          await expectLength(file, 'OGG', milliseconds(samples - preSkip, 48_000));
        },
      ),
      runs,
    );
  });

  it('of Ogg Opus recordings that follow each other in one file', async () => {
    const part = (serial: number) => buildOpus({ packets: [opusPacket(40, 1), opusPacket(40, 2)], preSkip: 0, serial });
    await expectLength(concat([part(1), part(2)]), 'OGG', 80);
  });

  const vorbisFile = (headers: readonly Uint8Array[], packets: readonly Uint8Array[], granule: number): Uint8Array => {
    const lacing = (length: number) => [...new Array<number>(Math.floor(length / 255)).fill(255), length % 255];
    const page = (flags: number, sequence: number, position: number, held: readonly Uint8Array[]) =>
      buildPage({
        flags,
        granule: BigInt(position),
        serial: 5,
        sequence,
        lacing: held.flatMap(({ length }) => lacing(length)),
        body: concat(held),
      });
    return concat([
      page(BEGIN, 0, 0, headers.slice(0, 1)),
      page(0, 1, 0, headers.slice(1)),
      page(END, 2, granule, packets),
    ]);
  };
  const vorbisCase = fc
    .array(fc.boolean(), { minLength: 1, maxLength: 20 })
    .chain((modes) =>
      fc.tuple(
        fc.constant(modes),
        fc.array(fc.integer({ min: 0, max: modes.length - 1 }), { minLength: 2, maxLength: 60 }),
      ),
    );
  const vorbisSamples = (modes: readonly boolean[], sequence: readonly number[]): number =>
    sequence
      .map((mode) => (modes[mode] ? 2_048 : 256))
      .reduce((sum, block, index, all) => sum + (index === 0 ? 0 : (all[index - 1]! + block) / 4), 0);

  it('of Ogg Vorbis, by the block sizes of its modes', async () => {
    await fc.assert(
      fc.asyncProperty(vorbisCase, fc.integer({ min: 0, max: 60 }), async ([modes, sequence], cut) => {
        const samples = vorbisSamples(modes, sequence);
        const packets = sequence.map((mode) => vorbisPacket(mode, 30));
        const file = vorbisFile(vorbisHeaders({ modes }), packets, samples - cut);
        await expectLength(file, 'OGG', milliseconds(samples - cut, 44_100));
      }),
      runs,
    );
  });

  it('of FLAC by its frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4_000 }),
        fc.constantFrom(8_000, 24_000, 44_100),
        fc.boolean(),
        async (samples, sampleRate, variable) => {
          const flac = buildFlac(
            Int16Array.from({ length: samples }, (_, index) => index * 7),
            { sampleRate, variable },
          );
          await expectLength(flac, 'FLAC', milliseconds(samples, sampleRate));
        },
      ),
      runs,
    );
  });

  const sizes = fc.array(fc.integer({ min: 6, max: 400 }), { minLength: 1, maxLength: 300 });

  it('of MP4 with its index before or behind the sound, and in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 1_024 }),
        async (all, perChunk, indexFirst, wide, lastDelta) => {
          const file = buildMp4({ sizes: all, perChunk, indexFirst, wide, lastDelta });
          await expectLength(file, 'MP4', milliseconds((all.length - 1) * 1_024 + lastDelta, 44_100));
        },
      ),
      runs,
    );
  });

  it('of MP4 in fragments, as browsers record', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 40 }), async (all, perFragment) => {
        const file = buildMp4({ sizes: all, perFragment, sampleRate: 48_000 });
        await expectLength(file, 'MP4', milliseconds(all.length * 1_024, 48_000));
      }),
      runs,
    );
  });

  it('of MP4 whose samples are stored as they are', async () => {
    const file = buildMp4({ sizes: [], pcm: { channels: 2, samples: 4_411 }, perChunk: 1_000 });
    await expectLength(file, 'MP4', milliseconds(4_411, 44_100));
  });

  it('of WebM, live or whole, with frames laced in every way and pictures between them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 3, max: 700 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom<Lacing>('none', 'xiph', 'ebml'),
        fc.boolean(),
        fc.boolean(),
        async (lengths, perBlock, lacing, live, withVideo) => {
          const frames = lengths.map((length, index) => opusPacket(length, index));
          const blocks = Array.from({ length: Math.ceil(frames.length / perBlock) }, (_, index) =>
            frames.slice(index * perBlock, (index + 1) * perBlock),
          ).flatMap((block) => (lacing === 'none' ? block.map((frame) => [frame]) : [block]));
          const file = buildWebm({ blocks, lacing, live, withVideo, step: 1 });
          await expectLength(file, 'WEBM', milliseconds(frames.length * PACKET_SAMPLES, 48_000));
        },
      ),
      runs,
    );
  });

  it('of WebM without the delay and the padding that its encoder names', async () => {
    const blocks = Array.from({ length: 10 }, (_, index) => [opusPacket(30, index)]);
    await expectLength(buildWebm({ blocks, delay: 6_500_000, padding: 12_500_000 }), 'WEBM', 200 - 19);
    // More than any encoder needs is not believed.
    await expectLength(buildWebm({ blocks, delay: 190_000_000, padding: 190_000_000 }), 'WEBM', 200 - 20);
  });

  it('of Matroska with frames of equal length in a block, Vorbis, and plain samples', async () => {
    const equal = Array.from({ length: 4 }, (_, index) => [opusPacket(50, index), opusPacket(50, index + 9)]);
    await expectLength(buildWebm({ blocks: equal, lacing: 'fixed' }), 'WEBM', 160);
    const modes = [false, true];
    const sequence = [1, 1, 0, 1, 0, 0, 1];
    const config = xiphLaced(vorbisHeaders({ modes }));
    const blocks = sequence.map((mode) => [vorbisPacket(mode, 40)]);
    await expectLength(
      buildWebm({ codec: 'A_VORBIS', config, blocks, sampleRate: 44_100 }),
      'WEBM',
      milliseconds(vorbisSamples(modes, sequence), 44_100),
    );
    const plain = buildWebm({
      codec: 'A_PCM/INT/LIT',
      sampleRate: 8_000,
      blocks: [[noise(1_600, 1)], [noise(160, 2)]],
    });
    await expectLength(plain, 'WEBM', 110);
  });

  it('of AAC in ADTS, with an ID3 tag before it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(8_000, 22_050, 44_100, 48_000),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 2, maxLength: 200 }),
        async (sampleRate, bodies) => {
          const file = concat([id3v2(200), buildAdts(sampleRate, bodies), adtsFrame(sampleRate, 90, 2)]);
          await expectLength(file, 'AAC', milliseconds((bodies.length + 2) * 1_024, sampleRate));
        },
      ),
      runs,
    );
  });
});

const WHOLE: Readonly<Record<RecordingFormat, Uint8Array>> = {
  WAV: buildWav(noise(32_000, 1), { sampleRate: 16_000 }),
  MP3: mp3Frames(MPEG1_STEREO, 40),
  OGG: buildOpus({ packets: Array.from({ length: 30 }, (_, index) => opusPacket(60, index)) }),
  FLAC: buildFlac(Int16Array.from({ length: 4_000 }, (_, index) => index)),
  MP4: buildMp4({ sizes: new Array<number>(40).fill(100), indexFirst: true }),
  WEBM: buildWebm({ blocks: Array.from({ length: 30 }, (_, index) => [opusPacket(60, index)]) }),
  AAC: buildAdts(44_100, new Array<number>(40).fill(100)),
};
const FORMATS = Object.keys(WHOLE) as RecordingFormat[];

const refusalOf = async (bytes: Uint8Array): Promise<AppError> => {
  const found = await probed(folder.path, bytes);
  if (!(found instanceof AppError)) throw new Error(`taken as ${JSON.stringify(found)}`);
  return found;
};

describe('refuses, with what to do', () => {
  it('nothing at all', async () => {
    expect(await refusalOf(new Uint8Array(0))).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'audio' } });
  });

  it.each([
    ['text', ascii('This is not audio, but a letter to somebody.')],
    ['HTML', ascii('<!DOCTYPE html><html><body>Not found</body></html>')],
    ['JSON', ascii('{"error":"not found"}')],
    ['noise', noise(5_000, 8).map((byte) => byte & 0x7e)],
    ['zeros', new Uint8Array(5_000)],
    ['one byte', Uint8Array.of(0x52)],
    ['a PDF', ascii('%PDF-1.7 and so on')],
  ])('what is no audio: %s', async (_name, bytes) => {
    expect((await refusalOf(bytes)).code).toBe('BAD_USER_INPUT');
  });

  it.each(FORMATS)('%s that is cut anywhere, or else measures what is left', async (format) => {
    const whole = WHOLE[format];
    const length = await probed(folder.path, whole);
    expect(length).toMatchObject({ format });
    const wholeMs = (length as { durationMs: number }).durationMs;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (at) => {
        const cut = await probed(folder.path, whole.subarray(0, at));
        // Formats of frames may be cut between two of them without a trace; never is more counted than there is.
        if (cut instanceof AppError) expect(cut.code).toBe('BAD_USER_INPUT');
        else expect(cut.durationMs).toBeLessThan(wholeMs + 1);
      }),
      { numRuns: 60 },
    );
    // Inside the last frame, page, chunk or box.
    expect(await probed(folder.path, whole.subarray(0, whole.length - 5))).toBeInstanceOf(AppError);
  });

  it.each(FORMATS)('%s with bytes changed at random, or else measures no more than it could hold', async (format) => {
    const whole = WHOLE[format];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
        async (changes) => {
          const bytes = Buffer.from(whole);
          for (const [at, byte] of changes) bytes[at] = byte;
          const found = await probed(folder.path, bytes);
          if (found instanceof AppError) {
            expect(['BAD_USER_INPUT', 'UNSUPPORTED', 'PAYLOAD_TOO_LARGE']).toContain(found.code);
          } else {
            expect(found.durationMs).toBeGreaterThan(0);
            expect(Number.isSafeInteger(found.durationMs)).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  const HOURS = 3 * 3_600;
  it.each<[string, Uint8Array]>([
    ['WAV', buildWav(noise(3_200, 1), { sampleRate: 16_000, dataLength: HOURS * 32_000 })],
    [
      'FLAC',
      (() => {
        const flac = Buffer.from(WHOLE.FLAC);
        flac.writeUInt32BE(HOURS * 24_000, 22);
        return flac;
      })(),
    ],
    [
      'MP3',
      concat([
        (() => {
          const frame = Buffer.from(indexFrame(MPEG1_STEREO, 'Xing'));
          frame.writeUInt32BE(1, frame.indexOf('Xing') + 4);
          frame.writeUInt32BE(HOURS * 38, frame.indexOf('Xing') + 8);
          return frame;
        })(),
        mp3Frames(MPEG1_STEREO, 40),
      ]),
    ],
    ['MP4 by its times', buildMp4({ sizes: [100, 100], delta: HOURS * 44_100 })],
    [
      'MP4 by more samples than there are bytes',
      (() => {
        const file = Buffer.from(buildMp4({ sizes: [], pcm: { channels: 1, samples: 100 }, perChunk: 100 }));
        file.writeUInt32BE(HOURS * 44_100, file.indexOf('stsz') + 12);
        file.writeUInt32BE(HOURS * 44_100 - 1, file.indexOf('stts') + 12);
        file.writeUInt32BE(HOURS * 44_100, file.indexOf('stsc') + 16);
        return file;
      })(),
    ],
    ['WebM by its header', buildWebm({ blocks: [[opusPacket(40, 1)]], claimed: HOURS * 1_000 })],
    [
      'WebM by its times',
      buildWebm({ blocks: [[opusPacket(40, 1)], [opusPacket(40, 2)]], step: 32_000, blocksOfACluster: 1 }),
    ],
    [
      'Ogg',
      (() => {
        const last = buildPage({
          flags: END,
          granule: BigInt(HOURS) * 48_000n,
          serial: 1,
          sequence: 2,
          lacing: [40],
          body: opusPacket(40, 1),
        });
        const tags = concat([ascii('OpusTags'), new Uint8Array(8)]);
        return concat([
          buildPage({ flags: BEGIN, granule: 0n, serial: 1, sequence: 0, lacing: [19], body: opusHead(1, 0) }),
          buildPage({ flags: 0, granule: 0n, serial: 1, sequence: 1, lacing: [16], body: tags }),
          last,
        ]);
      })(),
    ],
  ])('a short file that claims hours: %s', async (_name, bytes) => {
    const refusal = await refusalOf(bytes);
    expect(refusal.code).toBe('BAD_USER_INPUT');
    expect(refusal.message).toMatch(/cut|long|damaged|tables/);
  });

  it('sound that is there, but longer than is taken', async () => {
    const long = buildWav(new Uint8Array(8 * 4 * 3_600 + 8), { sampleRate: 8, bits: 8 });
    expect(await refusalOf(long)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', fields: { limit: 14_400 } });
    const inTime = buildWav(new Uint8Array(8 * 4 * 3_600), { sampleRate: 8, bits: 8 });
    await expectLength(inTime, 'WAV', 14_400_000);
  });

  it('containers without sound', async () => {
    expect((await refusalOf(buildWav(new Uint8Array(0)))).message).toContain('no audio');
    expect((await refusalOf(buildMp4({ sizes: [], indexFirst: true }))).code).toBe('BAD_USER_INPUT');
    expect((await refusalOf(buildWebm({ blocks: [] }))).message).toContain('no audio');
  });

  it('codecs that nobody here knows, by name', async () => {
    const mp4 = Buffer.from(WHOLE.MP4);
    mp4.write('ac-3', mp4.indexOf('mp4a'), 'latin1');
    expect(await refusalOf(mp4)).toMatchObject({
      code: 'UNSUPPORTED',
      fields: { supported: expect.arrayContaining(['AAC']) },
    });
    const webm = buildWebm({ codec: 'A_DTS', blocks: [[noise(40, 1)]] });
    expect((await refusalOf(webm)).message).toContain('A_DTS');
    const wav = buildWav(noise(100, 1), { tag: 0x31, bits: 0 });
    expect((await refusalOf(wav)).code).toBe('UNSUPPORTED');
  });
});
