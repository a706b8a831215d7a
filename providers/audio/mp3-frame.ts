// MPEG 1, 2 and 2.5 audio, layer III: ISO/IEC 11172-3 section 2.4.2.3, ISO/IEC 13818-3 section 2.4.2.3.
const BITRATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES_1 = [44_100, 48_000, 32_000];

/** Bytes of a frame header. */
export const MP3_HEADER_BYTES = 4;

/** Header of one layer III frame. */
export interface Mp3FrameHeader {
  /** Bytes of the frame, header included. */
  readonly length: number;
  readonly samples: number;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Bytes from the frame's start to its main data: header, checksum, side information. */
  readonly mainData: number;
}

/**
 * Reads the four bytes at `offset`, which must be there; null when they are no layer III header. Free format
 * (bit rate 0), whose frames do not tell their length, counts as none: no encoder of speech writes it.
 */
export const parseMp3Header = (bytes: Uint8Array, offset: number): Mp3FrameHeader | null => {
  if (bytes[offset] !== 0xff) return null;
  const second = bytes[offset + 1]!;
  // Eleven bits of sync, then layer III (01).
  if ((second & 0xe6) !== 0xe2) return null;
  const version = (second >> 3) & 3;
  if (version === 1) return null;
  const third = bytes[offset + 2]!;
  const bitrateIndex = third >> 4;
  const rateIndex = (third >> 2) & 3;
  if (bitrateIndex === 0 || bitrateIndex === 15 || rateIndex === 3) return null;
  const fourth = bytes[offset + 3]!;
  // Emphasis 2 is reserved.
  if ((fourth & 3) === 2) return null;

  const first = version === 3;
  const sampleRate = SAMPLE_RATES_1[rateIndex]! >> (first ? 0 : version === 2 ? 1 : 2);
  const samples = first ? 1152 : 576;
  const bitrate = (first ? BITRATES_1 : BITRATES_2)[bitrateIndex]! * 1000;
  const channels = fourth >> 6 === 3 ? 1 : 2;
  const sideInformation = first ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  const checksum = (second & 1) === 0 ? 2 : 0;
  return {
    length: Math.floor(((samples / 8) * bitrate) / sampleRate) + ((third >> 1) & 1),
    samples,
    sampleRate,
    channels,
    mainData: MP3_HEADER_BYTES + checksum + sideInformation,
  };
};

const isMagic = (bytes: Uint8Array, at: number): boolean => {
  const magic = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  // "Xing", "Info", "VBRI".
  return magic === 0x58696e67 || magic === 0x496e666f || magic === 0x56425249;
};

/**
 * Whether the whole frame at `offset` carries an index of its file (Xing, Info or VBRI) in place of sound. Past the
 * first frame of a file the bytes before the mark must be zero too, as they are in every such frame and in no sound.
 */
export const isMp3IndexFrame = (bytes: Uint8Array, offset: number, header: Mp3FrameHeader, first: boolean): boolean => {
  const afterSideInformation = offset + header.mainData;
  // VBRI stands 32 bytes after the header whatever the side information; writers of Xing disagree about the checksum.
  for (const at of [afterSideInformation, offset + 36, afterSideInformation - 2]) {
    if (at + 4 > offset + header.length || !isMagic(bytes, at)) continue;
    if (first) return true;
    let position = offset + MP3_HEADER_BYTES + 2;
    while (position < at && bytes[position] === 0) position++;
    if (position === at) return true;
  }
  return false;
};
