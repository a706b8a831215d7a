import { damaged, truncated, unsupportedAudio } from '../recording-errors';
import type { FileBytes } from './file-bytes';
import type { MeasuredAudio } from './measured-audio';

// RIFF/WAVE: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html
const PCM = 0x0001;
const FLOAT = 0x0003;
const A_LAW = 0x0006;
const MU_LAW = 0x0007;
const MS_ADPCM = 0x0002;
const IMA_ADPCM = 0x0011;
const EXTENSIBLE = 0xfffe;
const FORMAT_BYTES_MAX = 1_024;
const SAMPLE_RATE_MAX = 768_000;
const CHANNELS_MAX = 64;

/**
 * Lengths that writers put in place of one which they could not know: ffmpeg and most others 0xFFFFFFFF, sox and espeak-ng
 * 0x7FFFF000, and servers that stream 0xFFFFFF00 and 2000000000. Then what is there counts.
 */
const UNKNOWN_LENGTHS: ReadonlySet<number> = new Set([0xffff_ffff, 0x7fff_f000, 0xffff_ff00, 2_000_000_000]);

interface WaveFormat {
  readonly sampleRate: number;
  /** Bytes that are coded together, and the samples of one channel that they hold. */
  readonly blockBytes: number;
  readonly blockSamples: number;
}

/** WAV: the bytes of its `data`, which must be there as a whole, over the bytes of a block of samples. */
export async function probeWav(file: FileBytes): Promise<MeasuredAudio> {
  let format: WaveFormat | null = null;
  let dataBytes: number | null = null;
  if (!(await file.load(0, 12))) throw truncated('WAV', 'header');
  const riffLength = file.uint32le(4);
  for (let at = 12; at < file.size; ) {
    if (!(await file.load(at, 8))) {
      // Some writers leave a byte of padding behind the last chunk.
      if (dataBytes !== null && file.size - at === 1) break;
      throw truncated('WAV', 'chunk');
    }
    const name = file.ascii(at, 4);
    const length = file.uint32le(at + 4);
    const body = at + 8;
    if (name === 'data') {
      if (format === null) throw damaged('WAV', 'its data comes before its format');
      if (dataBytes !== null) throw damaged('WAV', 'it has data twice');
      const left = file.size - body;
      const unknown = UNKNOWN_LENGTHS.has(length) || (length === 0 && left > 0 && isUnfinished(riffLength, body));
      if (!unknown && length > left) throw truncated('WAV', 'data chunk');
      dataBytes = unknown ? left : length;
      at = body + dataBytes + (unknown ? 0 : length & 1);
      continue;
    }
    if (body + length > file.size) throw truncated('WAV', 'chunk');
    if (name === 'fmt ') {
      if (format !== null) throw damaged('WAV', 'it has a format twice');
      format = await readFormat(file, body, length);
    }
    at = body + length + (length & 1);
  }
  if (format === null || dataBytes === null) throw truncated('WAV', 'header');
  const { blockBytes, blockSamples, sampleRate } = format;
  return { samples: Math.floor(dataBytes / blockBytes) * blockSamples, sampleRate, claimedMs: null };
}

/** A recorder that was stopped before it could write its lengths left those of an empty file. */
function isUnfinished(riffLength: number, dataStart: number): boolean {
  return riffLength + 8 <= dataStart || UNKNOWN_LENGTHS.has(riffLength);
}

async function readFormat(file: FileBytes, at: number, length: number): Promise<WaveFormat> {
  if (length < 16 || length > FORMAT_BYTES_MAX) throw damaged('WAV', 'its format chunk has an impossible length');
  await file.load(at, length);
  const extensible = file.uint16le(at) === EXTENSIBLE && length >= 26;
  const tag = file.uint16le(extensible ? at + 24 : at);
  const channels = file.uint16le(at + 2);
  const sampleRate = file.uint32le(at + 4);
  const blockBytes = file.uint16le(at + 12);
  const bits = file.uint16le(at + 14);
  if (channels === 0 || channels > CHANNELS_MAX || sampleRate === 0 || sampleRate > SAMPLE_RATE_MAX) {
    throw damaged('WAV', `its format says ${sampleRate} Hz and ${channels} channels`);
  }
  if (tag === MS_ADPCM || tag === IMA_ADPCM) {
    return { sampleRate, blockBytes, blockSamples: adpcmSamples(file, at, length, { tag, blockBytes, channels }) };
  }
  if (tag !== PCM && tag !== FLOAT && tag !== A_LAW && tag !== MU_LAW) {
    throw unsupportedAudio(`This WAV file is coded with format ${tag}, which is not taken.`, [
      'PCM',
      'floating point',
      'A-law',
      'mu-law',
      'ADPCM',
    ]);
  }
  if (bits === 0 || bits > 64 || blockBytes !== channels * Math.ceil(bits / 8)) {
    throw damaged('WAV', `its format says ${bits} bits in blocks of ${blockBytes} bytes`);
  }
  return { sampleRate, blockBytes, blockSamples: 1 };
}

/** Samples of a block, which the format chunk names too: a name that the block cannot hold is refused. */
function adpcmSamples(
  file: FileBytes,
  at: number,
  length: number,
  { tag, blockBytes, channels }: { tag: number; blockBytes: number; channels: number },
): number {
  const header = (tag === MS_ADPCM ? 7 : 4) * channels;
  const held = Math.floor(((blockBytes - header) * 2) / channels) + (tag === MS_ADPCM ? 2 : 1);
  const named = length >= 20 ? file.uint16le(at + 18) : held;
  if (blockBytes <= header || named !== held)
    throw damaged('WAV', `its format says ${named} samples in a block of ${blockBytes} bytes`);
  return held;
}
