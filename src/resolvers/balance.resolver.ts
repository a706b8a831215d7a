import { Ctx, Query, Resolver, Root, Subscription } from '../../schema/decorators';
import { CreditBalance } from '../../schema/types/credit-balance';
import type { RequestContext } from './context';
import { eventOf, withFailureAsEvent } from './live-events';
import { requireScope } from './rights';

async function openBalanceChanged({ context }: { readonly context: RequestContext }) {
  requireScope(context, 'READ');
  return withFailureAsEvent(await context.services.live.balanceChanged(context));
}

@Resolver()
export class BalanceResolver {
  @Query(() => CreditBalance, { nullable: true, description: 'What can be spent at present.' })
  balance(@Ctx() context: RequestContext) {
    requireScope(context, 'READ');
    return context.services.balance.balance(context);
  }

  @Subscription(() => CreditBalance, {
    subscribe: openBalanceChanged,
    description: 'The present balance at once, then each change.',
  })
  balanceChanged(@Root() event: Readonly<CreditBalance>) {
    return eventOf(event);
  }
}
