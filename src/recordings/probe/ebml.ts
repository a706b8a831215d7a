import { damaged, truncated } from '../recording-errors';
import type { FileBytes } from './file-bytes';

/** An element of EBML (RFC 8794): where its contents lie. */
export interface Element {
  readonly id: number;
  readonly start: number;
  /** Where its contents end; for one of unknown size, where what holds it ends. */
  readonly end: number;
  readonly unknownSize: boolean;
}

/** Longest id and longest size. */
const HEADER_BYTES_MAX = 12;

/** Reads the element that begins at `at`, which ends at `end` at the latest. @throws AppError where it is cut */
export async function readElement(file: FileBytes, at: number, end: number): Promise<Element> {
  const available = Math.min(HEADER_BYTES_MAX, end - at);
  if (available < 2 || !(file.has(at, available) || (await file.load(at, available))))
    throw truncated('WEBM', 'element');
  const idLength = Math.clz32(file.uint8(at)) - 23;
  if (idLength > 4) throw damaged('WEBM', 'it holds bytes that are no element');
  if (idLength >= available) throw truncated('WEBM', 'element');
  let id = 0;
  for (let index = 0; index < idLength; index++) id = id * 256 + file.uint8(at + index);
  const sizeLength = Math.clz32(file.uint8(at + idLength)) - 23;
  if (sizeLength > 8) throw damaged('WEBM', 'it holds bytes that are no element');
  if (idLength + sizeLength > available) throw truncated('WEBM', 'element');
  const { value, allOnes } = readNumber(file, at + idLength, sizeLength);
  const start = at + idLength + sizeLength;
  if (allOnes) return { id, start, end, unknownSize: true };
  if (start + value > end) throw truncated('WEBM', 'element');
  return { id, start, end: start + value, unknownSize: false };
}

/** The elements from `start` to `end`, each of known size. */
export async function* elementsIn(file: FileBytes, start: number, end: number): AsyncGenerator<Element, void, void> {
  for (let at = start; at < end; ) {
    const element = await readElement(file, at, end);
    yield element;
    at = element.end;
  }
}

/** A number whose first byte tells its length (RFC 8794 section 4), which the caller has looked up and loaded. */
export function readNumber(file: FileBytes, at: number, length: number): { value: number; allOnes: boolean } {
  const first = file.uint8(at) & (0xff >> length);
  let value = first;
  let allOnes = first === 0xff >> length;
  for (let index = 1; index < length; index++) {
    const byte = file.uint8(at + index);
    value = value * 256 + byte;
    allOnes &&= byte === 0xff;
  }
  return { value, allOnes };
}

/** An unsigned integer of 0 to 8 bytes. */
export async function readUnsigned(file: FileBytes, { start, end }: Element): Promise<number> {
  const length = end - start;
  if (length > 8 || !(await file.load(start, length))) throw damaged('WEBM', 'a number is too long');
  let value = 0;
  for (let index = 0; index < length; index++) value = value * 256 + file.uint8(start + index);
  return value;
}

/** A floating-point number of 0, 4 or 8 bytes. */
export async function readFloat(file: FileBytes, { start, end }: Element): Promise<number> {
  const length = end - start;
  if (length === 0) return 0;
  if ((length !== 4 && length !== 8) || !(await file.load(start, length)))
    throw damaged('WEBM', 'a number is too long');
  return length === 4 ? file.view(start, 4).readFloatBE() : file.view(start, 8).readDoubleBE();
}

/** The bytes of an element, copied; @throws AppError beyond `bytesMax` */
export async function readBytes(file: FileBytes, { start, end }: Element, bytesMax: number): Promise<Buffer> {
  const length = end - start;
  if (length > bytesMax || !(await file.load(start, length))) throw damaged('WEBM', 'a field is too long');
  return Buffer.from(file.view(start, length));
}
