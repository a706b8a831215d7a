import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long an address takes its file. */
export const UPLOAD_URL_SECONDS = 900;

/** Signs and checks the addresses to which files are sent without a key. */
export class UploadUrls {
  constructor(
    /** Without a trailing slash; asked each time, as the port may be known only once the server listens. */
    private readonly publicUrl: () => string,
    /** The first signs, all verify. */
    private readonly keys: readonly [Buffer, ...Buffer[]],
  ) {}

  sign(uploadId: string, expiresAt: Date): string {
    const expires = Math.floor(expiresAt.getTime() / 1000);
    return `${this.publicUrl()}/uploads/${uploadId}?expires=${expires}&signature=${signature(this.keys[0], uploadId, expires)}`;
  }

  verify(uploadId: string, expires: string, given: string, nowMs: number): boolean {
    if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= nowMs) return false;
    return this.keys.some((key) => equal(signature(key, uploadId, Number(expires)), given));
  }
}

const signature = (key: Buffer, uploadId: string, expires: number): string =>
  createHmac('sha256', key).update(`${uploadId}.${expires}`).digest('base64url');

function equal(expected: string, given: string): boolean {
  const [ours, theirs] = [Buffer.from(expected), Buffer.from(given)];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}
