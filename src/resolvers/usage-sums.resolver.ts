import { Arg, Ctx, Int, Mutation, Query, Resolver } from '../../schema/decorators';
import { UsageBucketFilter } from '../../schema/inputs/usage-bucket-filter';
import { CreateUsageExportInput } from '../../schema/inputs/usage-export-inputs';
import { DateScalar } from '../../schema/scalars/date';
import { UsageBucket, UsageBucketConnection } from '../../schema/types/usage-bucket';
import { CreateUsageExportPayload } from '../../schema/types/usage-export';
import { VoiceUsageConnection } from '../../schema/types/voice-usage';
import type { RequestContext } from './context';
import { PAGE_DEFAULT, PAGE_MAX, pageOf } from './page';
import { requireApiKey } from './rights';

const FIRST = 'Items of the page, 1 to 100; more is BAD_USER_INPUT.';
const AFTER = 'endCursor of the page before, of the same list; from the start, when left out.';

/** Sums are the workspace's: a client token sees its own usage one by one, in usageEvents. */
@Resolver(() => UsageBucket)
export class UsageSumsResolver {
  @Query(() => UsageBucketConnection, {
    nullable: true,
    description:
      'Usage by the hour or the day, in any time zone and by any dimensions; up to date with every operation that has settled.',
  })
  usageBuckets(
    @Ctx() context: RequestContext,
    @Arg('filter', () => UsageBucketFilter, { description: 'What is summed up, and how.' }) filter: UsageBucketFilter,
    @Arg('first', () => Int, { nullable: true, defaultValue: PAGE_DEFAULT, description: FIRST }) first?: number | null,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after?: string | null,
  ) {
    requireApiKey(context, 'READ');
    return context.services.usageSums.buckets(context, filter, pageOf(first, after));
  }

  @Query(() => VoiceUsageConnection, {
    nullable: true,
    description:
      'Speech by voice, style, language and model, a row a day of UTC, both dates included; endDate - startDate is at most 30 days, so 2025-05-01 to 2025-05-31 is served.',
  })
  voiceUsage(
    @Ctx() context: RequestContext,
    @Arg('startDate', () => DateScalar, { description: 'First day, in UTC.' }) startDate: string,
    @Arg('endDate', () => DateScalar, { description: 'Last day, in UTC.' }) endDate: string,
    @Arg('first', () => Int, { nullable: true, defaultValue: PAGE_MAX, description: FIRST }) first?: number | null,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after?: string | null,
  ) {
    requireApiKey(context, 'READ');
    return context.services.usageSums.voiceUsage(context, { startDate, endDate }, pageOf(first ?? PAGE_MAX, after));
  }

  @Mutation(() => CreateUsageExportPayload, {
    nullable: true,
    description:
      'CSV or JSON Lines of the whole of usageBuckets, voiceUsage or usageEvents, streamed from a signed address. Free; at most 1,000 addresses of a workspace are good at a time.',
  })
  createUsageExport(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateUsageExportInput, { description: 'Which list, and in which form.' })
    input: CreateUsageExportInput,
  ): Promise<CreateUsageExportPayload> {
    requireApiKey(context, 'READ');
    return context.services.usageExports.create(context, input);
  }
}
