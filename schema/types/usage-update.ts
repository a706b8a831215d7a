import { Field, ObjectType } from '../decorators';
import { CreditBalance } from './credit-balance';
import type { Lazy } from './lazy';
import { OperationUsage } from './operation-usage';

@ObjectType({ description: 'A metered operation that has just been charged.', simpleResolvers: true })
export class UsageUpdate {
  @Field(() => String, {
    description: 'Opaque; sent as after, the subscription goes on behind this event. Kept for 24 hours.',
  })
  readonly cursor!: string;

  @Field(() => OperationUsage, { description: 'What was used.' })
  readonly usage!: OperationUsage;

  @Field(() => CreditBalance, { description: 'What can be spent after it.' })
  readonly balance!: Lazy<CreditBalance>;
}
