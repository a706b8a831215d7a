import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Addresses of ours that need no key until their time is over: whoever has one may use it. Each kind has a folder and
 * keys of its own, so that none opens what another stands for.
 */
export class SignedAddresses {
  constructor(
    /** Without a trailing slash; asked each time, as the port may be known only once the server listens. */
    private readonly publicUrl: () => string,
    private readonly folder: 'audio' | 'uploads' | 'exports',
    /** The first signs; all of them verify, so that addresses outlive a rotation of ENCRYPTION_KEY. */
    private readonly keys: readonly [Buffer, ...Buffer[]],
  ) {}

  /** The expiry is cut to the second. */
  sign(id: string, expiresAt: Date): string {
    const expires = Math.floor(expiresAt.getTime() / 1000);
    return `${this.publicUrl()}/${this.folder}/${id}?expires=${expires}&signature=${signature(this.keys[0], id, expires)}`;
  }

  /** Whether the address was signed here and is good still. */
  verify(id: string, expires: string, given: string, nowMs: number): boolean {
    if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= nowMs) return false;
    return this.keys.some((key) => equal(signature(key, id, Number(expires)), given));
  }
}

const signature = (key: Buffer, id: string, expires: number): string =>
  createHmac('sha256', key).update(`${id}.${expires}`).digest('base64url');

function equal(expected: string, given: string): boolean {
  const [ours, theirs] = [Buffer.from(expected), Buffer.from(given)];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}
