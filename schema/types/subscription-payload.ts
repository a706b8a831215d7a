import { Field, ObjectType } from '../decorators';
import { BillingSubscription } from './billing-subscription';

@ObjectType({ description: 'The subscription after a change.', simpleResolvers: true })
export class SubscriptionPayload {
  @Field(() => BillingSubscription, { description: 'As the payment provider has it now.' })
  readonly subscription!: BillingSubscription;
}
