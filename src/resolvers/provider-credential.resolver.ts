import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from '../../schema/decorators';
import {
  DeleteProviderCredentialInput,
  SetProviderCredentialInput,
} from '../../schema/inputs/provider-credential-inputs';
import { DeletePayload } from '../../schema/types/delete-payload';
import type { Provider } from '../../schema/types/provider';
import { ProviderCredential, ProviderCredentialPayload } from '../../schema/types/provider-credential';
import type { RequestContext } from './context';
import { requireApiKey } from './rights';

/** Stored provider keys. A client token has no part in them, beyond being allowed to use them. */
@Resolver(() => ProviderCredential)
export class ProviderCredentialResolver {
  @Query(() => [ProviderCredential], {
    nullable: true,
    description: "The workspace's own provider keys, without the keys themselves. At most one for each provider.",
  })
  providerCredentials(@Ctx() context: RequestContext) {
    requireApiKey(context, 'MANAGE');
    return context.services.providerCredentials.list(context);
  }

  @Mutation(() => ProviderCredentialPayload, {
    nullable: true,
    description:
      "Keeps a key of the workspace's own for a provider, in the place of one that was there. From now on requests to that provider go out with it and cost no credits.",
  })
  async setProviderCredential(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetProviderCredentialInput, { description: 'The provider and the key.' })
    input: SetProviderCredentialInput,
  ): Promise<ProviderCredentialPayload> {
    requireApiKey(context, 'MANAGE');
    return { credential: await context.services.providerCredentials.set(context, input) };
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description:
      "Removes the workspace's own key for a provider at once; what is asked of that provider next goes out with the platform's key, where it has one, and is charged.",
  })
  async deleteProviderCredential(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteProviderCredentialInput, { description: 'Whose key.' })
    input: DeleteProviderCredentialInput,
  ): Promise<DeletePayload> {
    requireApiKey(context, 'MANAGE');
    return { deletedId: await context.services.providerCredentials.delete(context, input.provider) };
  }

  @FieldResolver()
  provider(@Root() credential: Readonly<ProviderCredential>, @Ctx() context: RequestContext): Promise<Provider> {
    return context.services.providerCredentials.providerOf(context, credential.providerId);
  }
}
