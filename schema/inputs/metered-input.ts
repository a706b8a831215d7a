import { Field, InputType } from '../decorators';
import { DecimalScalar } from '../scalars/decimal';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import { RoutingInput } from './routing-input';

/** What every operation that asks a provider takes. */
@InputType()
export abstract class MeteredInput {
  @Field(() => RoutingInput, { nullable: true, description: 'How long it may take, and how it finds its provider.' })
  readonly routing?: RoutingInput | null;

  @Field(() => String, {
    nullable: true,
    description: "The caller's own user, kept with the usage. At most 128 characters without control characters.",
  })
  readonly endUserId?: string | null;

  @Field(() => JsonObjectScalar, {
    nullable: true,
    description: 'Kept with the usage: at most 16 keys with string values, 2 kB.',
  })
  readonly metadata?: JsonObject | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Refuse rather than spend more credits than this on the operation.',
  })
  readonly maxCredits?: string | null;
}
