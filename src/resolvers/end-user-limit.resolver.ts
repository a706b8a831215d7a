import { Arg, Ctx, Mutation, Query, Resolver } from '../../schema/decorators';
import { DeleteEndUserLimitInput, SetEndUserLimitInput } from '../../schema/inputs/end-user-limit-inputs';
import { DeletePayload } from '../../schema/types/delete-payload';
import { EndUserLimitConnection, EndUserLimitPayload } from '../../schema/types/end-user-limit';
import type { RequestContext } from './context';
import { After, First, pageOf } from './page';
import { requireApiKey } from './rights';

/** Limits of single end users. A client token, which is in an end user's hands, has no part in them. */
@Resolver()
export class EndUserLimitResolver {
  @Query(() => EndUserLimitConnection, {
    nullable: true,
    description: 'The end users that have limits of their own, in the order of their ids.',
  })
  endUserLimits(
    @Ctx() context: RequestContext,
    @First()
    first?: number | null,
    @After()
    after?: string | null,
  ) {
    requireApiKey(context, 'MANAGE');
    return context.services.endUserLimits.list(context, pageOf(first, after));
  }

  @Mutation(() => EndUserLimitPayload, {
    nullable: true,
    description:
      'Sets what one end user may use, in the place of the limits that there were. First limits count from the start of the day, the period and the minute, so that what was used before they were set is in them. At most 10,000 end users of a workspace have limits.',
  })
  async setEndUserLimit(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetEndUserLimitInput, { description: 'Whose limits, and which.' })
    input: SetEndUserLimitInput,
  ): Promise<EndUserLimitPayload> {
    requireApiKey(context, 'MANAGE');
    return { limit: await context.services.endUserLimits.set(context, input) };
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description:
      "Lifts all limits of an end user at once; what the workspace and the client token may spend still bounds it. deletedId is the end user's id.",
  })
  async deleteEndUserLimit(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteEndUserLimitInput, { description: 'Whose limits.' })
    input: DeleteEndUserLimitInput,
  ): Promise<DeletePayload> {
    requireApiKey(context, 'MANAGE');
    return { deletedId: await context.services.endUserLimits.delete(context, input.endUserId) };
  }
}
