/**
 * Samples of a WAV file of 16-bit mono PCM that is complete but whose sizes need not be true: engines that write to a
 * pipe cannot know them. The samples reach to the end of the bytes, or to the stated size where that is shorter.
 * @returns null when it is no such file or of another sample rate
 */
export function waveSamples(file: Uint8Array, sampleRate: number): Int16Array | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isChunk = (at: number, id: string): boolean =>
    id.split('').every((letter, index) => file[at + index] === letter.charCodeAt(0));
  if (file.length < 12 || !isChunk(0, 'RIFF') || !isChunk(8, 'WAVE')) return null;
  let described = false;
  for (let at = 12; at + 8 <= file.length; ) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (isChunk(at, 'data')) {
      const count = Math.min(size, file.length - body) >> 1;
      return described ? Int16Array.from({ length: count }, (_, index) => view.getInt16(body + 2 * index, true)) : null;
    }
    if (isChunk(at, 'fmt ')) {
      if (size < 16 || body + 16 > file.length) return null;
      const [encoding, channels] = [view.getUint16(body, true), view.getUint16(body + 2, true)];
      const [rate, bits] = [view.getUint32(body + 4, true), view.getUint16(body + 14, true)];
      if (encoding !== 1 || channels !== 1 || rate !== sampleRate || bits !== 16) return null;
      described = true;
    }
    at = body + size + (size & 1);
  }
  return null;
}
