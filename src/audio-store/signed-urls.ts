import { SignedAddresses } from '../lib/signed-addresses';

/** An address that needs no key lives this long. */
export const AUDIO_URL_SECONDS = 3_600;

/** Signs and checks the addresses under which audio can be heard without a key. */
export class AudioUrls {
  private readonly addresses: SignedAddresses;

  /** As of `SignedAddresses`. */
  constructor(publicUrl: () => string, keys: readonly [Buffer, ...Buffer[]]) {
    this.addresses = new SignedAddresses(publicUrl, 'audio', keys);
  }

  /** Expiry is rounded to the second; times in milliseconds since the epoch. */
  sign(operationId: string, nowMs: number): { url: string; expiresAt: Date } {
    const expiresAt = new Date((Math.floor(nowMs / 1000) + AUDIO_URL_SECONDS) * 1000);
    return { url: this.addresses.sign(operationId, expiresAt), expiresAt };
  }

  verify(operationId: string, expires: string, given: string, nowMs: number): boolean {
    return this.addresses.verify(operationId, expires, given, nowMs);
  }
}
