import { hkdfSync } from 'node:crypto';

export const ROOT_KEY_BYTES = 32;
const DERIVED_KEY_BYTES = 32;

/**
 * Keys for signing and encrypting, all derived from ENCRYPTION_KEY, so that no two purposes share one. There may be
 * several roots: the first makes what is new, the others only read what they made before a rotation.
 */
export class KeyRing {
  readonly #roots: readonly Buffer[];

  /** @throws RangeError when there is no root, or one that is not 32 bytes. */
  constructor(...roots: readonly Buffer[]) {
    const wrong = roots.length === 0 ? 0 : roots.find((root) => root.length !== ROOT_KEY_BYTES)?.length;
    if (wrong !== undefined) throw new RangeError(`A root key has ${ROOT_KEY_BYTES} bytes, not ${wrong}.`);
    this.#roots = roots.map((root) => Buffer.from(root));
  }

  /** @param base64 ENCRYPTION_KEY as it is written: one root or, after a rotation, several with commas between them. */
  static fromBase64(base64: string): KeyRing {
    return new KeyRing(...base64.split(',').map((root) => Buffer.from(root.trim(), 'base64')));
  }

  /**
   * 32 bytes for one purpose out of the newest root, the same on every call and every node (HKDF-SHA256, RFC 5869).
   *
   * @param purpose a fixed name such as `signed-url`; never user input, never reused for something else.
   */
  deriveKey(purpose: string): Buffer {
    return derive(this.#roots[0]!, purpose);
  }

  /** The same out of every root, the newest first. */
  deriveKeys(purpose: string): readonly [Buffer, ...Buffer[]] {
    const [newest, ...older] = this.#roots.map((root) => derive(root, purpose));
    return [newest!, ...older];
  }
}

const derive = (root: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), `polyphony/${purpose}`, DERIVED_KEY_BYTES));
