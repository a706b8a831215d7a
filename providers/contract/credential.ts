/** Whose key pays the provider. NONE: the provider takes no key (built-in or self-hosted). */
export type CredentialSource = 'PLATFORM' | 'STORED_KEY' | 'REQUEST_KEY' | 'NONE';

export interface Credential {
  readonly source: CredentialSource;
  /** null only where the provider takes no key. Never logged, never stored in the clear. */
  readonly secret: string | null;
}

export const NO_CREDENTIAL: Credential = { source: 'NONE', secret: null };
