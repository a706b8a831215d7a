import { createHmac, timingSafeEqual } from 'node:crypto';

/** An address that needs no key lives this long. */
export const AUDIO_URL_SECONDS = 3_600;

/** Signs and checks the addresses under which audio can be heard without a key. */
export class AudioUrls {
  constructor(
    /** Without a trailing slash; asked each time, as the port may be known only once the server listens. */
    private readonly publicUrl: () => string,
    /** The first signs; all of them verify, so that addresses outlive a rotation of ENCRYPTION_KEY. */
    private readonly keys: readonly [Buffer, ...Buffer[]],
  ) {}

  /** Expiry is rounded to the second; times in milliseconds since the epoch. */
  sign(operationId: string, nowMs: number): { url: string; expiresAt: Date } {
    const expires = Math.floor(nowMs / 1000) + AUDIO_URL_SECONDS;
    const url = `${this.publicUrl()}/audio/${operationId}?expires=${expires}&signature=${signature(this.keys[0], operationId, expires)}`;
    return { url, expiresAt: new Date(expires * 1000) };
  }

  verify(operationId: string, expires: string, given: string, nowMs: number): boolean {
    if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= nowMs) return false;
    return this.keys.some((key) => equal(signature(key, operationId, Number(expires)), given));
  }
}

const signature = (key: Buffer, operationId: string, expires: number): string =>
  createHmac('sha256', key).update(`${operationId}.${expires}`).digest('base64url');

function equal(expected: string, given: string): boolean {
  const [ours, theirs] = [Buffer.from(expected), Buffer.from(given)];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}
