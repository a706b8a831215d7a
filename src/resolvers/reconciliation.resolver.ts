import { Arg, Ctx, ID, Query, Resolver } from '../../schema/decorators';
import { DateTimeScalar } from '../../schema/scalars/date-time';
import { ReconciliationReport } from '../../schema/types/reconciliation';
import type { RequestContext } from './context';
import { requireApiKey } from './rights';

@Resolver()
export class ReconciliationResolver {
  @Query(() => ReconciliationReport, {
    nullable: true,
    description:
      "Admin only: our records against the provider's own count, whole UTC days, at most 31 of them. The provider is asked anew. UNSUPPORTED (supported) where it does not tell what it counted.",
  })
  reconciliation(
    @Ctx() context: RequestContext,
    @Arg('provider', () => ID, { description: 'Id of the provider.' }) provider: string,
    @Arg('start', () => DateTimeScalar, { description: 'A moment of the first day.' }) start: Date,
    @Arg('end', () => DateTimeScalar, { description: 'The end, not included: midnight ends the day before.' })
    end: Date,
  ) {
    requireApiKey(context, 'ADMIN');
    return context.services.reconciliation.report(context, provider, start, end);
  }
}
