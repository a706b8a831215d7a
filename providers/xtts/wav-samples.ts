/**
 * The samples of a whole WAV file, without its header. A length of 0 was never filled in. Throws TypeError when there is no `data` chunk.
 */
export function samplesOfWav(file: Buffer): Buffer {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new TypeError('the answer is not a WAV file');
  }
  for (let at = 12; at + 8 <= file.length; ) {
    const bytes = file.readUInt32LE(at + 4);
    if (file.toString('latin1', at, at + 4) === 'data')
      return file.subarray(at + 8, bytes === 0 ? undefined : at + 8 + bytes);
    at += 8 + bytes + (bytes & 1);
  }
  throw new TypeError('the WAV file has no samples');
}
