import { createHmac, timingSafeEqual } from 'node:crypto';

/** An address that needs no key lives this long. */
export const AUDIO_URL_SECONDS = 3_600;

/** Signs and checks the addresses under which audio can be heard without a key. */
export class AudioUrls {
  constructor(
    /** Without a trailing slash; asked each time, as the port may be known only once the server listens. */
    private readonly publicUrl: () => string,
    private readonly key: Buffer,
  ) {}

  /** Expiry is rounded to the second; times in milliseconds since the epoch. */
  sign(operationId: string, nowMs: number): { url: string; expiresAt: Date } {
    const expires = Math.floor(nowMs / 1000) + AUDIO_URL_SECONDS;
    const url = `${this.publicUrl()}/audio/${operationId}?expires=${expires}&signature=${this.signature(operationId, expires)}`;
    return { url, expiresAt: new Date(expires * 1000) };
  }

  verify(operationId: string, expires: string, signature: string, nowMs: number): boolean {
    if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= nowMs) return false;
    const expected = Buffer.from(this.signature(operationId, Number(expires)));
    const given = Buffer.from(signature);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }

  private signature(operationId: string, expires: number): string {
    return createHmac('sha256', this.key).update(`${operationId}.${expires}`).digest('base64url');
  }
}
