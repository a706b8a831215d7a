import type { KeyRing } from '../../lib/keys';
import { SecretSealer } from '../../lib/secret-sealer';

export { type SealedSecret, UnreadableSecret } from '../../lib/secret-sealer';

/** Where a stored provider key belongs. It is sealed into this place: a row that is copied to another opens nothing. */
export interface SealedPlace {
  readonly workspaceId: string;
  readonly provider: string;
  readonly id: string;
}

/** Seals provider keys for the database. */
export class CredentialSealer extends SecretSealer<SealedPlace> {
  constructor(keyRing: KeyRing) {
    super(keyRing, 'provider-credentials', additionalData);
  }
}

/** The number is that of the form: another form would be another place. */
const additionalData = ({ workspaceId, provider, id }: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify(['provider-credential', 1, workspaceId, provider, id]));
