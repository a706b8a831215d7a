import { Field, ID, ObjectType } from '../decorators';
import { GrantKind } from '../enums/grant-kind';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';

@ObjectType({
  description: 'Credits that were given at one time. The grant that expires first is spent first.',
  simpleResolvers: true,
})
export class CreditGrant {
  @Field(() => ID, { description: 'Id of the grant.' })
  readonly id!: string;

  @Field(() => GrantKind, { description: 'Where the credits come from.' })
  readonly kind!: GrantKind;

  @Field(() => DecimalScalar, { description: 'Credits that were granted.' })
  readonly credits!: string;

  @Field(() => DecimalScalar, { description: 'Credits that are not spent.' })
  readonly remaining!: string;

  @Field(() => DateTimeScalar, { description: 'From when it can be spent.' })
  readonly effectiveAt!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When what is left of it is lost; null: never.' })
  readonly expiresAt!: Date | null;
}
