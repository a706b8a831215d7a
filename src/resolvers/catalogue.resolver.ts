import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from '../../schema/decorators';
import { Capability } from '../../schema/enums/capability';
import { Plan } from '../../schema/types/plan';
import { Provider } from '../../schema/types/provider';
import { RateCard } from '../../schema/types/rate-card';
import { UsageEstimate } from '../../schema/types/usage-estimate';
import type { RequestContext } from './context';

/** What is offered and what it costs. Open to everyone: no scope is asked for. */
@Resolver(() => Provider)
export class CatalogueResolver {
  @Query(() => [Provider], { nullable: true, description: 'Every provider whose adapter is loaded. Needs no scope.' })
  providers(
    @Ctx() context: RequestContext,
    @Arg('capability', () => Capability, {
      nullable: true,
      description: 'Only those that can do this; all, when left out.',
    })
    capability?: Capability | null,
  ) {
    return context.services.catalogue.providers(context, capability ?? null);
  }

  @Query(() => Provider, {
    nullable: true,
    description: 'One provider; null when no such adapter is loaded. Needs no scope.',
  })
  provider(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { description: 'Provider.id, as "local".' }) id: string,
  ) {
    return context.services.catalogue.provider(context, id);
  }

  @Query(() => RateCard, { nullable: true, description: 'The prices in force. Needs no scope.' })
  rateCard(@Ctx() context: RequestContext) {
    return context.services.catalogue.rateCard(context);
  }

  @Query(() => [Plan], { nullable: true, description: 'The plans of the price book. Needs no scope.' })
  plans(@Ctx() context: RequestContext) {
    return context.services.catalogue.plans(context);
  }

  @FieldResolver()
  models(
    @Root() provider: Readonly<Provider>,
    @Arg('capability', () => Capability, {
      nullable: true,
      description: 'Only models that do this; all, when left out.',
    })
    capability?: Capability | null,
  ): Provider['models'] {
    return capability ? provider.models.filter((model) => model.capability === capability) : provider.models;
  }
}

/** Whether a provider is available depends on who asks, so an estimate carries its id alone. */
@Resolver(() => UsageEstimate)
export class UsageEstimateResolver {
  @FieldResolver()
  provider(
    @Root() estimate: Readonly<UsageEstimate>,
    @Ctx() context: RequestContext,
  ): Provider | null | Promise<Provider | null> {
    return context.services.catalogue.provider(context, estimate.providerId);
  }
}
