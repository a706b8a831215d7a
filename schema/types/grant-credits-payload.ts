import { Field, ObjectType } from '../decorators';
import { CreditBalance } from './credit-balance';
import { CreditGrant } from './credit-grant';

@ObjectType({ description: 'A grant and the balance that it led to.', simpleResolvers: true })
export class GrantCreditsPayload {
  @Field(() => CreditGrant, { description: 'The grant; the first one where the idempotency key was used before.' })
  readonly grant!: CreditGrant;

  @Field(() => CreditBalance, { description: 'The balance of the workspace afterwards.' })
  readonly balance!: CreditBalance;
}
