import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root, Subscription } from '../../schema/decorators';
import { UsageEventFilter } from '../../schema/inputs/usage-event-filter';
import { DateTimeScalar } from '../../schema/scalars/date-time';
import { OperationUsage } from '../../schema/types/operation-usage';
import type { Provider } from '../../schema/types/provider';
import { UsageEventConnection } from '../../schema/types/usage-event-connection';
import { UsageSummary } from '../../schema/types/usage-summary';
import { UsageUpdate } from '../../schema/types/usage-update';
import type { RequestContext } from './context';
import { eventOf, withFailureAsEvent } from './live-events';
import { First, pageOf } from './page';
import { requireScope } from './rights';

interface UsageUpdatedCall {
  readonly args: { readonly after?: string | null };
  readonly context: RequestContext;
}

async function openUsageUpdated({ args, context }: UsageUpdatedCall) {
  requireScope(context, 'READ');
  return withFailureAsEvent(await context.services.live.usageUpdated(context, args.after ?? null));
}

@Resolver(() => OperationUsage)
export class UsageResolver {
  @Query(() => UsageSummary, {
    nullable: true,
    description: 'What was used in the period that holds this moment; the current one by default.',
  })
  usage(
    @Ctx() context: RequestContext,
    @Arg('at', () => DateTimeScalar, { nullable: true, description: 'A moment of the period; now, when left out.' })
    at?: Date | null,
  ) {
    requireScope(context, 'READ');
    return context.services.usage.summary(context, at ?? null);
  }

  @Query(() => UsageEventConnection, { nullable: true, description: 'Metered operations, newest first.' })
  usageEvents(
    @Ctx() context: RequestContext,
    @Arg('filter', () => UsageEventFilter, { nullable: true, description: 'Which are listed; all, when left out.' })
    filter?: UsageEventFilter | null,
    @First()
    first?: number | null,
    @Arg('after', () => String, {
      nullable: true,
      description: 'endCursor of the page before, of the same filter; from the start, when left out.',
    })
    after?: string | null,
  ) {
    requireScope(context, 'READ');
    return context.services.usage.events(context, filter ?? {}, pageOf(first, after));
  }

  @Query(() => OperationUsage, { nullable: true, description: 'One metered operation of this workspace.' })
  usageEvent(@Ctx() context: RequestContext, @Arg('id', () => ID, { description: 'OperationUsage.id.' }) id: string) {
    requireScope(context, 'READ');
    return context.services.usage.event(context, id);
  }

  @Subscription(() => UsageUpdate, {
    subscribe: openUsageUpdated,
    description:
      'One event for each metered operation of the workspace, as it settles, on whichever node it ran; in order of settlement, each once.',
  })
  usageUpdated(
    @Root() event: Readonly<UsageUpdate>,
    @Arg('after', () => String, {
      nullable: true,
      description:
        'The cursor last seen; events of the last 24 hours are kept, an older cursor is RESUME_EXPIRED. Only new events, when left out.',
    })
    _after?: string | null,
  ) {
    return eventOf(event);
  }

  @FieldResolver()
  provider(
    @Root() usage: Readonly<OperationUsage>,
    @Ctx() context: RequestContext,
  ): Provider | null | Promise<Provider | null> {
    return usage.providerId === null ? null : context.services.catalogue.provider(context, usage.providerId);
  }
}
