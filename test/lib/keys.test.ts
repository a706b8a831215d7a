import { createHmac } from 'node:crypto';
import { KeyRing } from '../../src/lib/keys';

const root = Buffer.from(Array.from({ length: 32 }, (_, n) => n));

test('a key is HKDF-SHA256 of the root for its purpose, and stays so: what was signed with it must remain valid', () => {
  // RFC 5869 by hand: extract with a salt of zeros, expand one block.
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(root).digest();
  const expanded = createHmac('sha256', extracted).update('polyphony/signed-url\x01').digest();
  expect(new KeyRing(root).deriveKey('signed-url').equals(expanded)).toBe(true);
  expect(KeyRing.fromBase64(root.toString('base64')).deriveKey('signed-url').equals(expanded)).toBe(true);
});

test('every purpose and every root has a key of its own', () => {
  const keys = [
    new KeyRing(root).deriveKey('a'),
    new KeyRing(root).deriveKey('b'),
    new KeyRing(Buffer.alloc(32)).deriveKey('a'),
  ].map((key) => key.toString('hex'));
  expect(new Set(keys).size).toBe(3);
});

test('a root of another size is refused', () => {
  expect(() => new KeyRing(Buffer.alloc(31))).toThrow('32 bytes');
  expect(() => KeyRing.fromBase64('')).toThrow('32 bytes');
});

test('of several roots the first derives what is new, and all derive what may still have to be read', () => {
  const older = Buffer.alloc(32, 1);
  const ring = KeyRing.fromBase64(`${root.toString('base64')}, ${older.toString('base64')}`);
  expect(ring.deriveKey('a').equals(new KeyRing(root).deriveKey('a'))).toBe(true);
  expect(ring.deriveKeys('a')).toEqual([new KeyRing(root).deriveKey('a'), new KeyRing(older).deriveKey('a')]);
  expect(() => new KeyRing()).toThrow('32 bytes');
  expect(() => new KeyRing(root, Buffer.alloc(31))).toThrow('32 bytes');
});

test('the root shows in no inspection', () => {
  const ring = new KeyRing(root);
  expect(JSON.stringify(ring)).toBe('{}');
});
