import { Field, ID, Int, ObjectType } from '../decorators';
import { WebhookEvent } from '../enums/webhook-event';
import { DateTimeScalar } from '../scalars/date-time';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({
  description: 'Where the workspace is told of what happens, by signed messages in the form of Standard Webhooks.',
  simpleResolvers: true,
})
export class WebhookEndpoint {
  @Field(() => ID, { description: 'Id of the endpoint.' })
  readonly id!: string;

  @Field(() => String, { description: 'Where messages are sent to.' })
  readonly url!: string;

  @Field(() => [WebhookEvent], { description: 'What it is told of.' })
  readonly events!: readonly WebhookEvent[];

  @Field(() => DateTimeScalar, { description: 'When it was made; it is told of what happened since.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'An endpoint with its new secret.', simpleResolvers: true })
export class CreateWebhookEndpointPayload {
  @Field(() => WebhookEndpoint, { description: 'The endpoint.' })
  readonly endpoint!: WebhookEndpoint;

  @Field(() => String, {
    description:
      'What its messages are signed with: whsec_ and 32 bytes as base64. Kept encrypted, shown here and never again.',
  })
  readonly secret!: string;
}

@ObjectType({ description: 'One attempt to deliver a message. Kept for 30 days.', simpleResolvers: true })
export class WebhookDelivery {
  @Field(() => ID, { description: 'Id of the attempt.' })
  readonly id!: string;

  @Field(() => ID, { description: 'What its header webhook-id said: the same at each attempt of a message.' })
  readonly messageId!: string;

  @Field(() => WebhookEvent, { description: 'What the message tells of.' })
  readonly event!: WebhookEvent;

  @Field(() => Int, { description: '1 for the first attempt of a message.' })
  readonly attempt!: number;

  @Field(() => Int, { nullable: true, description: 'HTTP status of the answer; null: there was none.' })
  readonly responseStatus!: number | null;

  @Field(() => String, { nullable: true, description: 'Why it was not delivered, for people; null: it was.' })
  readonly error!: string | null;

  @Field(() => DateTimeScalar, { description: 'When the attempt ended.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'The earliest moment of the next attempt; null: there is none, as it was delivered or given up.',
  })
  readonly nextAttemptAt!: Date | null;
}

@ObjectType({ description: 'One attempt in a page of attempts.', simpleResolvers: true })
export class WebhookDeliveryEdge implements Edge<WebhookDelivery> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => WebhookDelivery, { description: 'The attempt.' })
  readonly node!: WebhookDelivery;
}

@ObjectType({ description: 'A page of attempts, newest first.', simpleResolvers: true })
export class WebhookDeliveryConnection implements Connection<WebhookDelivery> {
  @Field(() => [WebhookDeliveryEdge], { description: 'The items of this page.' })
  readonly edges!: readonly WebhookDeliveryEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
