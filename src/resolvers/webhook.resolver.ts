import { Arg, Ctx, ID, Mutation, Query, Resolver } from '../../schema/decorators';
import {
  CreateWebhookEndpointInput,
  DeleteWebhookEndpointInput,
  RotateWebhookSecretInput,
} from '../../schema/inputs/webhook-inputs';
import { DeletePayload } from '../../schema/types/delete-payload';
import { CreateWebhookEndpointPayload, WebhookDeliveryConnection, WebhookEndpoint } from '../../schema/types/webhook';
import type { RequestContext } from './context';
import { After, First, pageOf } from './page';
import { requireApiKey } from './rights';

/** Webhooks. A client token has no part in them. */
@Resolver()
export class WebhookResolver {
  @Query(() => [WebhookEndpoint], {
    nullable: true,
    description: "The workspace's webhook endpoints, the oldest first. At most 20.",
  })
  webhookEndpoints(@Ctx() context: RequestContext) {
    requireApiKey(context, 'MANAGE');
    return context.services.webhooks.list(context);
  }

  @Query(() => WebhookDeliveryConnection, {
    nullable: true,
    description: 'What was sent to an endpoint in the last 30 days and what came of it, newest first.',
  })
  webhookDeliveries(
    @Ctx() context: RequestContext,
    @Arg('endpointId', () => ID, { description: 'WebhookEndpoint.id.' }) endpointId: string,
    @First()
    first?: number | null,
    @After()
    after?: string | null,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.webhooks.deliveries(context, endpointId, pageOf(first, after));
  }

  @Mutation(() => CreateWebhookEndpointPayload, {
    nullable: true,
    description: 'Makes an endpoint that is told of what happens from now on, and shows its secret once.',
  })
  createWebhookEndpoint(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateWebhookEndpointInput, { description: 'Where to, and what of.' })
    input: CreateWebhookEndpointInput,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.webhooks.create(context, input);
  }

  @Mutation(() => CreateWebhookEndpointPayload, {
    nullable: true,
    description:
      'Gives an endpoint a new secret, shown once; the old one signs beside it for 24 hours, so that receivers can change over.',
  })
  rotateWebhookSecret(
    @Ctx() context: RequestContext,
    @Arg('input', () => RotateWebhookSecretInput, { description: 'Which endpoint.' }) input: RotateWebhookSecretInput,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.webhooks.rotate(context, input.id);
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description: 'Removes an endpoint, what waits for it and its log; no further attempt begins.',
  })
  async deleteWebhookEndpoint(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteWebhookEndpointInput, { description: 'Which endpoint.' })
    input: DeleteWebhookEndpointInput,
  ): Promise<DeletePayload> {
    requireApiKey(context, 'MANAGE');
    return { deletedId: await context.services.webhooks.delete(context, input.id) };
  }
}
