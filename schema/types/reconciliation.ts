import { Field, ID, ObjectType } from '../decorators';
import { UnitOfMeasure } from '../enums/unit-of-measure';
import { DateScalar } from '../scalars/date';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';

@ObjectType({
  description: "One unit of one UTC day, on both sides, in the provider's own count.",
  simpleResolvers: true,
})
export class ReconciliationRow {
  @Field(() => DateScalar, {
    description: 'The UTC day; the first of the month where the provider counts by the month.',
  })
  readonly date!: string;

  @Field(() => UnitOfMeasure, { description: 'What is counted.' })
  readonly unit!: UnitOfMeasure;

  @Field(() => DecimalScalar, {
    description:
      "What operations with the platform's own key came to, of all workspaces: as the provider told with each answer, else as we count.",
  })
  readonly ours!: string;

  @Field(() => DecimalScalar, { description: 'What the provider says that it counted.' })
  readonly theirs!: string;

  @Field(() => DecimalScalar, { description: 'theirs - ours, exact.' })
  readonly drift!: string;
}

@ObjectType({ description: "Our records of one provider against the provider's own count.", simpleResolvers: true })
export class ReconciliationReport {
  @Field(() => ID, { description: 'Id of the provider.' })
  readonly provider!: string;

  @Field(() => DateTimeScalar, {
    description: 'Beginning of the first UTC day (or month, where the provider counts by the month) that is compared.',
  })
  readonly start!: Date;

  @Field(() => DateTimeScalar, { description: 'End of the last one; the present one is not over and still grows.' })
  readonly end!: Date;

  @Field(() => [ReconciliationRow], {
    description:
      'By date and unit. Where neither side counted anything, and where the provider tells only a sum with something else in it, there is none.',
  })
  readonly rows!: readonly ReconciliationRow[];

  @Field(() => SafeIntScalar, {
    description:
      'Operations of the span whose outcome is UNKNOWN and that were not found in the record of the provider yet.',
  })
  readonly unresolved!: number;

  @Field(() => DateTimeScalar, {
    description: 'When the provider told its count; of an earlier report where the provider cannot be reached now.',
  })
  readonly countedAt!: Date;
}
