import type { Credential } from '../../../providers/contract/credential';

const ID_MAX = 200;
/** A shorter key (of a server of one's own, say) is part of too many ids, and no secret. */
const SECRET_MIN = 4;

/**
 * The provider's id of an exchange, as it may be kept and shown: printable, of a sane length, and without the key that the
 * provider was sent, which some servers repeat in whatever they answer. null for any other.
 */
export function keptRequestId(id: string | null | undefined, { secret }: Credential): string | null {
  if (!id || id.length > ID_MAX || !/^[\x21-\x7e]+$/.test(id)) return null;
  return secret !== null && secret.length >= SECRET_MIN && id.includes(secret) ? null : id;
}
