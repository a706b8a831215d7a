import fc from 'fast-check';
import { hashSecret, kindOfSecret, makeSecret, type SecretKind, shownPrefix } from '../../src/identity/secrets';

const KINDS: readonly SecretKind[] = ['api-key', 'client-token'];

test.each(KINDS)('every %s that is made is recognised as one, and none twice', (kind) => {
  const made = Array.from({ length: 500 }, () => makeSecret(kind));
  expect(made.map(kindOfSecret)).toEqual(made.map(() => kind));
  expect(new Set(made).size).toBe(made.length);
});

test('secrets travel as header values and in URLs as they are', () => {
  for (const kind of KINDS) expect(makeSecret(kind)).toMatch(/^poly_(key|token)_[0-9A-Za-z]{49}$/);
});

test('the random part fills its whole range: each of the 62 digits comes last and early', () => {
  const bodies = Array.from({ length: 3_000 }, () => makeSecret('api-key').slice('poly_key_'.length, -6));
  expect(new Set(bodies.map((body) => body[1])).size).toBe(62);
  expect(new Set(bodies.map((body) => body.at(-1))).size).toBe(62);
});

test.each(KINDS)('one wrong or swapped character in a %s is noticed without a database', (kind) => {
  const prefixLength = kind === 'api-key' ? 'poly_key_'.length : 'poly_token_'.length;
  fc.assert(
    fc.property(fc.nat(48), fc.constantFrom(...'0aZ9xB'), (offset, character) => {
      const secret = makeSecret(kind);
      const at = prefixLength + offset;
      const wrong = secret.slice(0, at) + character + secret.slice(at + 1);
      const swapped = secret.slice(0, at) + (secret[at + 1] ?? '') + secret[at] + secret.slice(at + 2);
      for (const candidate of [wrong, swapped]) {
        expect(kindOfSecret(candidate)).toBe(candidate === secret ? kind : null);
      }
    }),
    { numRuns: 300 },
  );
});

test('a secret of one kind is none of the other', () => {
  const key = makeSecret('api-key');
  expect(kindOfSecret(key.replace('poly_key_', 'poly_token_'))).toBeNull();
});

test.each([
  ['x'.repeat(19), null],
  ['x'.repeat(20), 'api-key'],
  ['x'.repeat(512), 'api-key'],
  ['x'.repeat(513), null],
  ['key with spaces and ümlauts', 'api-key'],
  ['poly_key_but_chosen_by_hand', null],
  ['poly_token_but_chosen_by_hand', null],
  ['POLY_KEY_in_capitals_is_not_ours', 'api-key'],
])('%p can be %p', (secret, kind) => {
  expect(kindOfSecret(secret)).toBe(kind);
});

test('what is shown of a key is its beginning, and too little to guess the rest', () => {
  const secret = makeSecret('api-key');
  expect(shownPrefix(secret)).toBe(secret.slice(0, 15));
  expect(shownPrefix('a-chosen-secret-of-mine')).toBe('a-ch');
});

test('the hash is SHA-256 of the secret’s UTF-8', () => {
  // FIPS 180-2, appendix B.1.
  expect(hashSecret('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
