import type { SetProviderCredentialInput } from '../../../schema/inputs/provider-credential-inputs';
import type { Provider } from '../../../schema/types/provider';
import type { ProviderCredential } from '../../../schema/types/provider-credential';
import type { Caller, PrincipalContext } from '../../identity/caller';
import type { ProviderCredentials } from '../../identity/provider-credentials/provider-credentials';

/** Stored provider keys, on behalf of whoever asks. */
export class ProviderCredentialOperations {
  constructor(
    private readonly credentials: ProviderCredentials,
    private readonly catalogue: { provider(context: Caller, id: string): Promise<Provider | null> },
  ) {}

  list(context: PrincipalContext): Promise<readonly ProviderCredential[]> {
    return this.credentials.list(context.principal);
  }

  set(context: PrincipalContext, input: SetProviderCredentialInput): Promise<ProviderCredential> {
    return this.credentials.set(context.principal, input);
  }

  delete(context: PrincipalContext, provider: string): Promise<string> {
    return this.credentials.delete(context.principal, provider);
  }

  /** A key outlives the adapter that it was for: it is shown under the bare id then, so that it can be deleted. */
  async providerOf(context: Caller, id: string): Promise<Provider> {
    return (
      (await this.catalogue.provider(context, id)) ?? {
        id,
        name: id,
        capabilities: [],
        firstParty: false,
        available: false,
        byok: false,
        models: [],
        health: { circuit: 'CLOSED', errorRate: null, latencyP50Ms: null, latencyP95Ms: null },
        keyHeader: null,
      }
    );
  }
}
