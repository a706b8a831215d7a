import { Field, ObjectType } from '../decorators';
import { CreditBalance } from './credit-balance';

@ObjectType({ description: 'The balance after a change of what may be spent.', simpleResolvers: true })
export class BalancePayload {
  @Field(() => CreditBalance, { description: 'With the change in force.' })
  readonly balance!: CreditBalance;
}
