import { AudioUrls } from '../../src/audio-store/signed-urls';
import { KeyRing } from '../../src/lib/keys';

const ring = (...roots: number[]) => new KeyRing(...roots.map((byte) => Buffer.alloc(32, byte)));
const urlsOf = (keys: KeyRing) => new AudioUrls(() => 'http://host', keys.deriveKeys('audio-url'));
const NOW = 1_700_000_000_000;

const verify = (urls: AudioUrls, url: string, nowMs = NOW): boolean => {
  const { pathname, searchParams } = new URL(url);
  return urls.verify(
    pathname.slice('/audio/'.length),
    searchParams.get('expires')!,
    searchParams.get('signature')!,
    nowMs,
  );
};

test('an address outlives a rotation of ENCRYPTION_KEY for as long as the old key is named', () => {
  const { url } = urlsOf(ring(1)).sign('operation', NOW);
  expect(verify(urlsOf(ring(1)), url)).toBe(true);
  expect(verify(urlsOf(ring(2, 1)), url)).toBe(true);
  expect(verify(urlsOf(ring(2)), url)).toBe(false);
  const fresh = urlsOf(ring(2, 1)).sign('operation', NOW).url;
  expect(verify(urlsOf(ring(2)), fresh)).toBe(true);
});

test('an address is good for its own operation, until its end, as it was signed', () => {
  const urls = urlsOf(ring(1));
  const { url, expiresAt } = urls.sign('operation', NOW);
  expect(verify(urls, url, expiresAt.getTime() - 1)).toBe(true);
  expect(verify(urls, url, expiresAt.getTime())).toBe(false);
  expect(verify(urls, url.replace('/operation', '/another'))).toBe(false);
  expect(
    verify(
      urls,
      url.replace(/expires=(\d+)/, (_all, at) => `expires=${Number(at) + 1}`),
    ),
  ).toBe(false);
  expect(verify(urls, url.replace('signature=', 'signature=x'))).toBe(false);
});
