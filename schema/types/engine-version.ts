import { Field, ID, Int, ObjectType } from '../decorators';
import { EngineStatus } from '../enums/engine-status';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({ description: 'A version of the engine that speaks first-party voices.', simpleResolvers: true })
export class EngineVersion {
  @Field(() => ID, { description: 'Id of the version.' })
  readonly id!: string;

  @Field(() => String, { description: 'Its name among versions, as "2.0.3".' })
  readonly version!: string;

  @Field(() => EngineStatus, { description: 'Where it stands.' })
  readonly status!: EngineStatus;

  @Field(() => String, {
    nullable: true,
    description: 'Where it runs. Admin only; null for everyone else, as a voice leads here.',
  })
  readonly baseUrl!: string | null;

  @Field(() => String, { description: 'The licence of its model.' })
  readonly licence!: string;

  @Field(() => Boolean, { description: "Whether the operator holds the right to charge for this model's output." })
  readonly commercialUse!: boolean;

  @Field(() => String, { nullable: true, description: 'What the operator noted; null: nothing.' })
  readonly notes!: string | null;

  @Field(() => Int, { description: 'Voices that it serves.' })
  readonly voiceCount!: number;

  @Field(() => DateTimeScalar, { description: 'When it was registered.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it became active; null: it never was.' })
  readonly promotedAt!: Date | null;
}
