const NOTHING = new Uint8Array(0);

/**
 * The bytes of a stream that have arrived and are not yet used. A piece that meets an empty window is looked at in
 * place; only what a unit leaves over is ever copied. Bytes once shown are never written again, so views into the
 * window may be handed out; in return the memory of an appended piece must stay unchanged.
 */
export class ByteWindow {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  append(piece: Uint8Array): void {
    const kept = this.end - this.start;
    if (kept === 0) {
      this.bytes = piece;
      this.start = 0;
      this.end = piece.length;
      return;
    }
    // A piece that is looked at in place has no room behind it, so only the window's own memory is written to.
    if (this.end + piece.length > this.bytes.length) {
      // Twice the need only when the rest outweighs the piece: then pieces are small and many will follow.
      const needed = kept + piece.length;
      const grown = new Uint8Array(kept > piece.length ? needed * 2 : needed);
      grown.set(this.bytes.subarray(this.start, this.end));
      this.bytes = grown;
      this.start = 0;
      this.end = kept;
    }
    this.bytes.set(piece, this.end);
    this.end += piece.length;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }
}

/** Whether `bytes` has the ASCII `text` at `offset`; false where it ends before. */
export const hasAscii = (bytes: Uint8Array, offset: number, text: string): boolean => {
  if (offset + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  }
  return true;
};

/** Unsigned, little-endian; the caller has checked the bounds. */
export const readUint16 = (bytes: Uint8Array, offset: number): number => bytes[offset]! | (bytes[offset + 1]! << 8);

/** Unsigned, little-endian; the caller has checked the bounds. */
export const readUint32 = (bytes: Uint8Array, offset: number): number =>
  (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0;

/** Little-endian. */
export const writeUint32 = (bytes: Uint8Array, offset: number, value: number): void => {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
};
