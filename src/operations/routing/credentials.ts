import { createHash } from 'node:crypto';
import { type Credential } from '../../../providers/contract/credential';
import type { ConfiguredProvider, ProviderDeclaration } from '../../../providers/contract/provider';
import type { PrincipalContext } from '../../identity/caller';
import { AppError } from '../../lib/errors';

/** The provider keys that workspaces have stored. */
export interface StoredKeys {
  /** The workspace's key for a provider, with the source STORED_KEY; null where it has none. */
  find(workspaceId: string, providerId: string): Credential | null | Promise<Credential | null>;
}

/** What of a caller decides whose key is used. */
export type CredentialCaller = Pick<PrincipalContext, 'principal' | 'providerKeys'>;

/** The caller pays the provider, so the operation costs no credits. */
export const isOwnKey = ({ source }: Credential): boolean => source === 'REQUEST_KEY' || source === 'STORED_KEY';

/** Stands for an own key wherever two have to be told apart, and never gives it away; null for any other credential. */
export const ownKeyFingerprint = (credential: Credential): string | null =>
  isOwnKey(credential)
    ? createHash('sha256')
        .update(credential.secret ?? '')
        .digest('base64url')
    : null;

/** What is known of a provider is known for a credential: the platform's is everybody's, an own key is its owner's alone. */
export function credentialKey(providerId: string, credential: Credential): string {
  const fingerprint = ownKeyFingerprint(credential);
  return fingerprint === null ? providerId : `${providerId}:${fingerprint}`;
}

/**
 * The credential with which a caller's request goes to a provider: the key that came with the request, else the one its
 * workspace has stored (a client token needs leave to use it), else the platform's. Own keys are strict: where there is
 * one it is used, and when it fails nothing takes its place.
 * @throws AppError PROVIDER_NOT_CONFIGURED
 */
export async function chooseCredential(
  provider: ConfiguredProvider<ProviderDeclaration>,
  caller: CredentialCaller,
  storedKeys: StoredKeys | null,
): Promise<Credential> {
  const { declaration } = provider;
  if (declaration.keyHeader !== null) {
    const sent = caller.providerKeys.get(declaration.provider);
    if (sent !== undefined) return { source: 'REQUEST_KEY', secret: sent };
    if (storedKeys && caller.principal.allowStoredKeys) {
      const stored = await storedKeys.find(caller.principal.workspaceId, declaration.provider);
      if (stored) return stored;
    }
  }
  if (provider.platformCredential && provider.configured) return provider.platformCredential;
  throw new AppError(
    'PROVIDER_NOT_CONFIGURED',
    declaration.keyHeader
      ? `${declaration.name} has no key on this platform; send your own in ${declaration.keyHeader}, or choose another provider.`
      : `${declaration.name} is not set up on this platform; choose another provider.`,
    { provider: declaration.provider },
  );
}
