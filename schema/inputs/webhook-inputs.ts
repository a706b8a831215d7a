import { Field, ID, InputType } from '../decorators';
import { WebhookEvent } from '../enums/webhook-event';

@InputType({ description: 'Where messages are sent to, and which.' })
export class CreateWebhookEndpointInput {
  @Field(() => String, {
    description:
      'An https:// URL with a public address: at most 2,048 characters, no user and password. It is not followed elsewhere.',
  })
  readonly url!: string;

  @Field(() => [WebhookEvent], {
    nullable: true,
    description: 'What it is told of; all, also those of the future, when left out. An empty list is BAD_USER_INPUT.',
  })
  readonly events?: readonly WebhookEvent[] | null;
}

@InputType({ description: 'An endpoint that gets a new secret.' })
export class RotateWebhookSecretInput {
  @Field(() => ID, { description: 'WebhookEndpoint.id.' })
  readonly id!: string;
}

@InputType({ description: 'An endpoint that is told nothing any more.' })
export class DeleteWebhookEndpointInput {
  @Field(() => ID, { description: 'WebhookEndpoint.id.' })
  readonly id!: string;
}
