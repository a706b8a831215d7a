import { hasAscii, readUint32 } from './byte-window';

// Tags that players put around MP3 frames: https://id3.org/id3v2.4.0-structure, https://id3.org/ID3v1,
// https://wiki.hydrogenaud.io/index.php?title=Ape_Tags_Header
const ID3V1_BYTES = 128;
const APE_EDGE_BYTES = 32;

/** Bytes that decide whether a tag starts, and how long it is. */
export const TAG_OPENING_BYTES = 32;

/** Whether the header of an ID3v2 tag stands at `offset`; its size has no byte above 0x7F, which sound would have. */
export const isId3v2 = (bytes: Uint8Array, offset: number): boolean =>
  hasAscii(bytes, offset, 'ID3') &&
  offset + 10 <= bytes.length &&
  bytes[offset + 3] !== 0xff &&
  bytes[offset + 4] !== 0xff &&
  (bytes[offset + 6]! | bytes[offset + 7]! | bytes[offset + 8]! | bytes[offset + 9]!) < 0x80;

/**
 * Length of the tag whose opening stands at `offset`, of which TAG_OPENING_BYTES (or all that is left) must be in
 * `bytes`; 0 when there is no tag.
 */
export const tagLength = (bytes: Uint8Array, offset: number): number => {
  if (isId3v2(bytes, offset)) {
    const size =
      (bytes[offset + 6]! << 21) | (bytes[offset + 7]! << 14) | (bytes[offset + 8]! << 7) | bytes[offset + 9]!;
    const footer = (bytes[offset + 5]! & 0x10) === 0 ? 0 : 10;
    return 10 + size + footer;
  }
  if (hasAscii(bytes, offset, 'TAG')) return ID3V1_BYTES;
  if (hasAscii(bytes, offset, 'APETAGEX') && offset + APE_EDGE_BYTES <= bytes.length) {
    // The size counts the items and the footer; at the header they are still to come, at a lone footer they have gone.
    const atHeader = (readUint32(bytes, offset + 20) & 0x2000_0000) !== 0;
    return APE_EDGE_BYTES + (atHeader ? readUint32(bytes, offset + 12) : 0);
  }
  return 0;
};
