import { Field, ID, ObjectType } from '../decorators';
import { SubscriptionStatus } from '../enums/subscription-status';
import { DateTimeScalar } from '../scalars/date-time';
import { Plan } from './plan';

@ObjectType({ description: "The workspace's paid subscription to a plan.", simpleResolvers: true })
export class BillingSubscription {
  @Field(() => ID, { description: 'Id of the subscription.' })
  readonly id!: string;

  @Field(() => Plan, { description: 'The plan that is paid for.' })
  readonly plan!: Plan;

  @Field(() => SubscriptionStatus, { description: 'Whether it is paid.' })
  readonly status!: SubscriptionStatus;

  @Field(() => DateTimeScalar, { description: 'Beginning of the period that is paid for.' })
  readonly periodStart!: Date;

  @Field(() => DateTimeScalar, { description: 'End of that period: the billing date.' })
  readonly periodEnd!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the trial ends or ended; null: there was none.' })
  readonly trialEnd!: Date | null;

  @Field(() => Boolean, { description: 'Whether it ends with this period.' })
  readonly cancelAtPeriodEnd!: boolean;

  @Field(() => Plan, { nullable: true, description: 'The plan from the next period on; null: the same.' })
  readonly pendingPlan!: Plan | null;
}
