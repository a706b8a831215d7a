import { Field, ID, ObjectType } from '../decorators';
import { BalanceState } from '../enums/balance-state';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';
import { CreditGrant } from './credit-grant';
import type { Lazy } from './lazy';

@ObjectType({
  description:
    'What can be spent and what was spent in the present period, in credits (1 credit = USD 0.001). ' +
    'For a client token it speaks of the budget of the token.',
  simpleResolvers: true,
})
export class CreditBalance {
  @Field(() => ID, {
    description:
      "The workspace's id: one object in a client's cache, however it arrives (query, mutation, subscription).",
  })
  readonly id!: string;

  @Field(() => BalanceState, { description: 'Whether there is enough to go on.' })
  readonly state!: BalanceState;

  @Field(() => DecimalScalar, {
    description: 'Credits that can be spent without overage: grants less what is spent, less what is held.',
  })
  readonly remaining!: string;

  @Field(() => DecimalScalar, { description: 'remaining at the price of a credit, in USD.' })
  readonly remainingUsd!: string;

  @Field(() => DecimalScalar, { description: 'Credits that the plan granted for this period.' })
  readonly included!: string;

  @Field(() => DecimalScalar, {
    description: 'Credits of earlier periods that could still be spent when this one began.',
  })
  readonly carriedOver!: string;

  @Field(() => DecimalScalar, { description: 'Credits that were bought and can be spent in this period.' })
  readonly toppedUp!: string;

  @Field(() => DecimalScalar, { description: 'Credits of promotional grants and adjustments.' })
  readonly promotional!: string;

  @Field(() => DecimalScalar, { description: 'Credits that ran out or were revoked unspent in this period.' })
  readonly expired!: string;

  @Field(() => DecimalScalar, { description: 'Credits spent in this period, overage included.' })
  readonly used!: string;

  @Field(() => DecimalScalar, { description: 'Credits reserved for operations that are running.' })
  readonly held!: string;

  @Field(() => DecimalScalar, { description: 'Credits used beyond the grants in this period.' })
  readonly overageCredits!: string;

  @Field(() => DecimalScalar, { description: 'What that overage costs, in USD, exact.' })
  readonly overageUsd!: string;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Most credits of overage in a period; null: unlimited. 0 on a plan without overage.',
  })
  readonly overageLimit!: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Average cost of the last 50 charged operations of the period; null when there was none.',
  })
  readonly averageRequestCredits!: Lazy<string | null>;

  @Field(() => SafeIntScalar, {
    nullable: true,
    description: 'Operations of that average cost that remaining pays for; null when there is no average.',
  })
  readonly estimatedRequestsRemaining!: Lazy<number | null>;

  @Field(() => String, { nullable: true, description: 'One sentence for a banner; null while HEALTHY.' })
  readonly message!: Lazy<string | null>;

  @Field(() => [CreditGrant], { description: 'Grants that can be spent at present, the first to expire first.' })
  readonly grants!: Lazy<readonly CreditGrant[]>;

  @Field(() => DateTimeScalar, { description: 'Beginning of the present period.' })
  readonly periodStart!: Date;

  @Field(() => DateTimeScalar, { description: 'End of the present period, when the plan grants anew.' })
  readonly periodEnd!: Date;
}
