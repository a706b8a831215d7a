import { hkdfSync } from 'node:crypto';

export const ROOT_KEY_BYTES = 32;
const DERIVED_KEY_BYTES = 32;

/** Keys for signing and encrypting, all derived from ENCRYPTION_KEY, so that no two purposes share one. */
export class KeyRing {
  readonly #root: Buffer;

  /** @throws RangeError when the root is not 32 bytes. */
  constructor(root: Buffer) {
    if (root.length !== ROOT_KEY_BYTES)
      throw new RangeError(`A root key has ${ROOT_KEY_BYTES} bytes, not ${root.length}.`);
    this.#root = Buffer.from(root);
  }

  /** @param base64 ENCRYPTION_KEY as it is written. */
  static fromBase64(base64: string): KeyRing {
    return new KeyRing(Buffer.from(base64, 'base64'));
  }

  /**
   * 32 bytes for one purpose, the same on every call and every node (HKDF-SHA256, RFC 5869).
   *
   * @param purpose a fixed name such as `signed-url`; never user input, never reused for something else.
   */
  deriveKey(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#root, Buffer.alloc(0), `polyphony/${purpose}`, DERIVED_KEY_BYTES));
  }
}
