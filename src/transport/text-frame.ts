/** A whole text message of a server as one frame of RFC 6455: neither masked nor in parts. */
export function textFrame(message: string): Buffer {
  const length = Buffer.byteLength(message);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x81;
  if (start === 2) frame[1] = length;
  else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(message, start);
  return frame;
}
