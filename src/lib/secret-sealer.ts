import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyRing } from './keys';

export interface SealedSecret {
  /** Names the root of ENCRYPTION_KEY that sealed it, and says nothing else about that root. */
  readonly sealedBy: Buffer;
  /** Nonce (12 bytes), tag (16 bytes), ciphertext. */
  readonly sealed: Buffer;
}

/** A sealed secret that cannot be opened here. Its message holds nothing of the secret. */
export class UnreadableSecret extends Error {
  constructor(readonly why: 'unknown-key' | 'damaged') {
    super(
      why === 'unknown-key'
        ? 'It was sealed with a root that ENCRYPTION_KEY does not name: put that root back, after the newest.'
        : 'It does not belong to its place, or is damaged.',
    );
    this.name = 'UnreadableSecret';
  }
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 8;

/**
 * Seals secrets for the database: AES-256-GCM under keys derived from ENCRYPTION_KEY, a random nonce each, the place
 * where a secret belongs as additional data. The newest root seals, every root opens.
 */
export class SecretSealer<Place> {
  readonly #keys: readonly { readonly id: Buffer; readonly key: Buffer }[];

  /**
   * @param purpose names the keys; a fixed name of its own for each kind of secret, see KeyRing
   * @param additionalData of a place, different for any two of them: what was sealed into one opens in no other
   */
  constructor(
    keyRing: KeyRing,
    purpose: string,
    private readonly additionalData: (place: Place) => Buffer,
  ) {
    const ids = keyRing.deriveKeys(`${purpose}/key-id`);
    this.#keys = keyRing.deriveKeys(purpose).map((key, index) => ({ id: ids[index]!.subarray(0, KEY_ID_BYTES), key }));
  }

  /** The root that seals now. */
  get newest(): Buffer {
    return this.#keys[0]!.id;
  }

  seal(place: Place, secret: string): SealedSecret {
    const { id, key } = this.#keys[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.additionalData(place));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return { sealedBy: id, sealed: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]) };
  }

  /** @throws UnreadableSecret when the root is not known, or when anything about it was changed. */
  open(place: Place, { sealedBy, sealed }: SealedSecret): string {
    const key = this.#keys.find(({ id }) => id.equals(sealedBy))?.key;
    if (!key) throw new UnreadableSecret('unknown-key');
    if (sealed.length <= NONCE_BYTES + TAG_BYTES) throw new UnreadableSecret('damaged');
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(this.additionalData(place));
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const text = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      throw new UnreadableSecret('damaged');
    }
  }
}
