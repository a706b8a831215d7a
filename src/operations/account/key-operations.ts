import type { CreateApiKeyInput, RotateApiKeyInput } from '../../../schema/inputs/api-key-inputs';
import type { CreateClientTokenInput } from '../../../schema/inputs/client-token-inputs';
import type { ApiKey, CreateApiKeyPayload } from '../../../schema/types/api-key';
import type { CreateClientTokenPayload } from '../../../schema/types/client-token';
import type { Connection } from '../../../schema/types/connection';
import type { KeyService } from '../../identity/api-keys';
import type { PrincipalContext } from '../../identity/caller';
import type { ClientTokenService } from '../../identity/client-tokens';

/** Keys and tokens, on behalf of whoever asks. */
export class KeyOperations {
  constructor(
    private readonly keys: KeyService,
    private readonly tokens: ClientTokenService,
  ) {}

  list(context: PrincipalContext, page: { first: number; after: string | null }): Promise<Connection<ApiKey>> {
    return this.keys.list(context.principal.workspaceId, page.first, page.after);
  }

  create(context: PrincipalContext, input: CreateApiKeyInput): Promise<CreateApiKeyPayload> {
    return this.keys.create(context.principal, input);
  }

  rotate(context: PrincipalContext, input: RotateApiKeyInput): Promise<CreateApiKeyPayload> {
    return this.keys.rotate(context.principal, input);
  }

  revoke(context: PrincipalContext, id: string): Promise<ApiKey> {
    return this.keys.revoke(context.principal, id);
  }

  createClientToken(context: PrincipalContext, input: CreateClientTokenInput): Promise<CreateClientTokenPayload> {
    return this.tokens.create(context.principal, input);
  }

  revokeClientToken(context: PrincipalContext, id: string): Promise<void> {
    return this.tokens.revoke(context.principal, id);
  }
}
