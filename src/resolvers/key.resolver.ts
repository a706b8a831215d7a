import { Arg, Ctx, Mutation, Query, Resolver } from '../../schema/decorators';
import { CreateApiKeyInput, RevokeApiKeyInput, RotateApiKeyInput } from '../../schema/inputs/api-key-inputs';
import { CreateClientTokenInput, RevokeClientTokenInput } from '../../schema/inputs/client-token-inputs';
import { ApiKeyConnection, ApiKeyPayload, CreateApiKeyPayload } from '../../schema/types/api-key';
import { CreateClientTokenPayload } from '../../schema/types/client-token';
import { DeletePayload } from '../../schema/types/delete-payload';
import type { RequestContext } from './context';
import { After, First, pageOf } from './page';
import { requireApiKey } from './rights';

/** Keys and tokens. A client token can do none of this, so that it never begets another. */
@Resolver()
export class KeyResolver {
  @Query(() => ApiKeyConnection, {
    nullable: true,
    description: "The workspace's API keys, newest first, revoked ones included.",
  })
  apiKeys(
    @Ctx() context: RequestContext,
    @First()
    first?: number | null,
    @After()
    after?: string | null,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.keys.list(context, pageOf(first, after));
  }

  @Mutation(() => CreateApiKeyPayload, { nullable: true, description: 'Makes an API key and shows its secret once.' })
  createApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateApiKeyInput, { description: 'The new key.' }) input: CreateApiKeyInput,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.keys.create(context, input);
  }

  @Mutation(() => CreateApiKeyPayload, {
    nullable: true,
    description:
      'The key keeps its id, name and scopes; the old secret works for graceSeconds more (0 by default, at most 604800) and does not count as another active key.',
  })
  rotateApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => RotateApiKeyInput, { description: 'Which key, and how long its old secret works.' })
    input: RotateApiKeyInput,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.keys.rotate(context, input);
  }

  @Mutation(() => ApiKeyPayload, {
    nullable: true,
    description: 'Ends a key and every client token that it made, at once, open sockets included.',
  })
  async revokeApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => RevokeApiKeyInput, { description: 'Which key.' }) input: RevokeApiKeyInput,
  ): Promise<ApiKeyPayload> {
    requireApiKey(context, 'MANAGE');
    return { apiKey: await context.services.keys.revoke(context, input.id) };
  }

  @Mutation(() => CreateClientTokenPayload, {
    nullable: true,
    description: 'A short-lived token for a browser, so that no permanent secret reaches it.',
  })
  createClientToken(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateClientTokenInput, { description: 'What the token may do, and for how long.' })
    input: CreateClientTokenInput,
  ) {
    requireApiKey(context, 'METERED');
    return context.services.keys.createClientToken(context, input);
  }

  @Mutation(() => DeletePayload, { nullable: true, description: 'Ends a client token at once, open sockets included.' })
  async revokeClientToken(
    @Ctx() context: RequestContext,
    @Arg('input', () => RevokeClientTokenInput, { description: 'Which token.' }) input: RevokeClientTokenInput,
  ): Promise<DeletePayload> {
    requireApiKey(context, 'METERED');
    await context.services.keys.revokeClientToken(context, input.id);
    return { deletedId: input.id };
  }
}
