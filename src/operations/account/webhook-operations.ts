import type { CreateWebhookEndpointInput } from '../../../schema/inputs/webhook-inputs';
import type { Connection } from '../../../schema/types/connection';
import type { CreateWebhookEndpointPayload, WebhookDelivery, WebhookEndpoint } from '../../../schema/types/webhook';
import { requireLivingKey } from '../../identity/api-key-records';
import type { PrincipalContext } from '../../identity/caller';
import type { DeliveryLog } from '../../webhooks/delivery-log';
import type { WebhookDispatcher } from '../../webhooks/webhook-dispatcher';
import type { Admit, WebhookEndpoints } from '../../webhooks/webhook-endpoints';

/** Webhook endpoints, on behalf of whoever asks. */
export class WebhookOperations {
  constructor(
    private readonly endpoints: WebhookEndpoints,
    private readonly log: DeliveryLog,
    private readonly dispatcher: Pick<WebhookDispatcher, 'listen' | 'forget'>,
  ) {}

  list({ principal }: PrincipalContext): Promise<readonly WebhookEndpoint[]> {
    return this.endpoints.list(principal.workspaceId);
  }

  async deliveries(
    { principal }: PrincipalContext,
    endpointId: string,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<WebhookDelivery>> {
    const { workspaceId } = principal;
    const { id } = await this.endpoints.require(workspaceId, endpointId);
    return this.log.list(workspaceId, id, page);
  }

  async create(context: PrincipalContext, input: CreateWebhookEndpointInput): Promise<CreateWebhookEndpointPayload> {
    const { workspaceId } = context.principal;
    const made = await this.endpoints.create(
      workspaceId,
      { url: input.url, events: input.events ?? null },
      admit(context),
    );
    this.dispatcher.listen(workspaceId);
    return made;
  }

  rotate(context: PrincipalContext, id: string): Promise<CreateWebhookEndpointPayload> {
    return this.endpoints.rotate(context.principal.workspaceId, id, admit(context));
  }

  /** The id of what is gone. */
  async delete({ principal }: PrincipalContext, id: string): Promise<string> {
    const deletedId = await this.endpoints.delete(principal.workspaceId, id);
    this.dispatcher.forget(deletedId);
    return deletedId;
  }
}

/** A key that was revoked makes no new secret. */
const admit =
  ({ principal }: PrincipalContext): Admit =>
  (tx) =>
    requireLivingKey(tx, principal);
