import { Field, ID, InputType, Int } from '../decorators';
import { Capability } from '../enums/capability';
import { DecimalScalar } from '../scalars/decimal';

@InputType({
  description: 'A new client token. It can never do more than the API key that makes it, and ends with that key.',
})
export class CreateClientTokenInput {
  @Field(() => Int, { description: 'Seconds for which it works, 60 to 3600.' })
  readonly ttlSeconds!: number;

  @Field(() => [Capability], { description: 'What it may be used for; at least one.' })
  readonly capabilities!: readonly Capability[];

  @Field(() => DecimalScalar, {
    description:
      "Most credits that it can spend, above 0 and with at most 6 decimals, at list price: work on the workspace's own provider keys counts too, though it costs no credits.",
  })
  readonly maxCredits!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Stamped on every operation; an endUserId in an input is then refused. At most 128 characters without control characters.',
  })
  readonly endUserId?: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 10,
    description: 'Metered requests a minute with this token, at least 1.',
  })
  readonly requestsPerMinute?: number | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: "Whether it may use the workspace's stored provider keys.",
  })
  readonly allowStoredKeys?: boolean | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Web origins that may use it, as "https://app.example.com", at most 50; all, when left out.',
  })
  readonly origins?: readonly string[] | null;
}

@InputType({ description: 'A client token that stops working at once.' })
export class RevokeClientTokenInput {
  @Field(() => ID, { description: 'CreateClientTokenPayload.id.' })
  readonly id!: string;
}
