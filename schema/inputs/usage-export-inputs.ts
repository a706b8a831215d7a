import { Field, InputType } from '../decorators';
import { ExportFormat } from '../enums/export-format';
import { DateScalar } from '../scalars/date';
import { UsageBucketFilter } from './usage-bucket-filter';
import { UsageEventFilter } from './usage-event-filter';

@InputType({ description: 'The days of voiceUsage, both included.' })
export class VoiceUsageRangeInput {
  @Field(() => DateScalar, { description: 'First day, in UTC; 1970-01-01 or later.' })
  readonly startDate!: string;

  @Field(() => DateScalar, { description: 'Last day, in UTC: startDate or at most 30 days after it.' })
  readonly endDate!: string;
}

@InputType({ description: 'What is exported, and in which form: exactly one of buckets, voiceUsage and events.' })
export class CreateUsageExportInput {
  @Field(() => ExportFormat, { description: 'Form of the file.' })
  readonly format!: ExportFormat;

  @Field(() => UsageBucketFilter, { nullable: true, description: 'All of usageBuckets under this filter.' })
  readonly buckets?: UsageBucketFilter | null;

  @Field(() => VoiceUsageRangeInput, { nullable: true, description: 'All of voiceUsage of these days.' })
  readonly voiceUsage?: VoiceUsageRangeInput | null;

  @Field(() => UsageEventFilter, {
    nullable: true,
    description: 'All of usageEvents under this filter; {} for every event.',
  })
  readonly events?: UsageEventFilter | null;
}
