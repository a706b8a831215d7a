import type { AudioFormat } from '../contract/audio';
import { hasAscii } from './byte-window';
import { MP3_HEADER_BYTES, parseMp3Header } from './mp3-frame';
import { isId3v2 } from './mp3-tags';

/** PCM and MULAW are headerless: nothing in their bytes tells them, so they are never the answer. */
export type SniffedFormat =
  | Exclude<AudioFormat, 'PCM' | 'MULAW'>
  | 'OGG'
  | 'AAC'
  | 'MP4'
  | 'WEBM'
  | 'JSON'
  | 'HTML'
  | 'XML'
  | 'TEXT'
  | 'EMPTY'
  | 'UNKNOWN';

const NAMES: Readonly<Record<SniffedFormat, string>> = {
  MP3: 'MP3',
  WAV: 'WAV',
  OGG_OPUS: 'Ogg Opus',
  FLAC: 'FLAC',
  OGG: 'Ogg that is not Opus',
  AAC: 'AAC',
  MP4: 'MP4',
  WEBM: 'WebM',
  JSON: 'JSON text',
  HTML: 'HTML',
  XML: 'XML',
  TEXT: 'plain text',
  EMPTY: 'nothing',
  UNKNOWN: 'unrecognised bytes',
};

/** The format's name in a sentence, such as "JSON text". */
export const nameOfFormat = (format: SniffedFormat): string => NAMES[format];

/** Bytes that suffice for every signature but those of formats that start with a bare frame. */
export const SIGNATURE_BYTES = 16;
const TEXT_BYTES_MAX = 512;

const isText = (bytes: Uint8Array): boolean => {
  const end = Math.min(bytes.length, TEXT_BYTES_MAX);
  for (let index = 0; index < end; index++) {
    const byte = bytes[index]!;
    // Bytes of UTF-8 beyond ASCII count as text; control characters other than tab, line feed and return do not.
    if (byte < 0x20 ? byte !== 0x09 && byte !== 0x0a && byte !== 0x0d : byte === 0x7f || byte > 0xf4) return false;
  }
  return end > 0;
};

const sniffText = (bytes: Uint8Array): 'JSON' | 'HTML' | 'XML' | null => {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length && (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d))) at++;
  const opening = String.fromCharCode(...bytes.subarray(at, at + SIGNATURE_BYTES)).toLowerCase();
  if (/^<(!doctype|html|head|body|!--)/.test(opening)) return isText(bytes) ? 'HTML' : null;
  if (opening.startsWith('<?xml')) return isText(bytes) ? 'XML' : null;
  return /^(\{\s*["}]|\[\s*["{])/.test(opening) && isText(bytes) ? 'JSON' : null;
};

/**
 * What bytes are by a signature that headerless audio does not carry by chance; null when they have none. Given fewer
 * than SIGNATURE_BYTES it may miss.
 */
export const sniffSignature = (bytes: Uint8Array): SniffedFormat | null => {
  switch (bytes[0]) {
    case 0x52: // R
      return hasAscii(bytes, 0, 'RIFF') && hasAscii(bytes, 8, 'WAVE') ? 'WAV' : null;
    case 0x4f: // O
      if (!hasAscii(bytes, 0, 'OggS')) return null;
      // The first page of Opus has one segment, so its packet starts at byte 28.
      return bytes.length < 36 || hasAscii(bytes, 28, 'OpusHead') ? 'OGG_OPUS' : 'OGG';
    case 0x66: // f
      return hasAscii(bytes, 0, 'fLaC') ? 'FLAC' : null;
    case 0x49: // I
      return isId3v2(bytes, 0) ? 'MP3' : null;
    case 0x41: // A
      return hasAscii(bytes, 0, 'ADIF') ? 'AAC' : null;
    case 0x1a:
      return bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3 ? 'WEBM' : null;
  }
  return hasAscii(bytes, 4, 'ftyp') ? 'MP4' : sniffText(bytes);
};

/** Length of the ADTS frame at `offset`; 0 when there is none. */
const adtsLength = (bytes: Uint8Array, offset: number): number => {
  if (offset + 7 > bytes.length || bytes[offset] !== 0xff || (bytes[offset + 1]! & 0xf6) !== 0xf0) return 0;
  if (((bytes[offset + 2]! >> 2) & 15) > 12) return 0;
  const length = ((bytes[offset + 3]! & 3) << 11) | (bytes[offset + 4]! << 3) | (bytes[offset + 5]! >> 5);
  return length < 7 ? 0 : length;
};

/** Length of the MP3 frame at `offset`; 0 when there is none. */
const mp3Length = (bytes: Uint8Array, offset: number): number =>
  offset + MP3_HEADER_BYTES <= bytes.length ? (parseMp3Header(bytes, offset)?.length ?? 0) : 0;

/** One header is believed where the bytes end before the next could come. */
const startsWithFrames = (bytes: Uint8Array, lengthAt: (bytes: Uint8Array, offset: number) => number): boolean => {
  const length = lengthAt(bytes, 0);
  return length > 0 && (length + 7 > bytes.length || lengthAt(bytes, length) > 0 || hasAscii(bytes, length, 'TAG'));
};

/**
 * What the opening bytes of a body really are, for messages and conformance checks. The more bytes, the surer: pass
 * 4 kB where they are at hand. Headerless audio is UNKNOWN.
 */
export const sniffFormat = (bytes: Uint8Array): SniffedFormat => {
  if (bytes.length === 0) return 'EMPTY';
  const signature = sniffSignature(bytes);
  if (signature !== null) return signature;
  if (startsWithFrames(bytes, mp3Length)) return 'MP3';
  if (startsWithFrames(bytes, adtsLength)) return 'AAC';
  // A JSON string is how some servers wrap base64.
  if (isText(bytes)) return bytes[0] === 0x22 ? 'JSON' : 'TEXT';
  return 'UNKNOWN';
};
