import { Field, Int, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({
  description:
    "What one end user may use at most, whatever key or client token names them. It is held in the same step as the workspace's credits, so that no number of parallel calls passes it; one call more is END_USER_LIMIT_REACHED.",
  simpleResolvers: true,
})
export class EndUserLimit {
  @Field(() => String, { description: "The workspace's own name for the end user." })
  readonly endUserId!: string;

  @Field(() => DecimalScalar, { nullable: true, description: 'Most credits in a UTC day; null: no such limit.' })
  readonly creditsPerDay!: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Most credits in a billing period; null: no such limit.',
  })
  readonly creditsPerPeriod!: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Most operations that begin in a UTC minute; null: no such limit.',
  })
  readonly requestsPerMinute!: number | null;

  @Field(() => DecimalScalar, {
    description:
      'Credits charged for operations that began today, in UTC. What runs now is not in it, though it is held against the limit.',
  })
  readonly usedToday!: string;

  @Field(() => DecimalScalar, {
    description:
      'Credits charged for operations that began in this billing period. What runs now is not in it, though it is held against the limit.',
  })
  readonly usedThisPeriod!: string;

  @Field(() => DateTimeScalar, { description: 'When the limits were last set.' })
  readonly updatedAt!: Date;
}

@ObjectType({ description: 'The limits of an end user as they are after the change.', simpleResolvers: true })
export class EndUserLimitPayload {
  @Field(() => EndUserLimit, { description: 'The limits that were set.' })
  readonly limit!: EndUserLimit;
}

@ObjectType({ description: "One end user's limits in a page of them.", simpleResolvers: true })
export class EndUserLimitEdge implements Edge<EndUserLimit> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => EndUserLimit, { description: 'The limits.' })
  readonly node!: EndUserLimit;
}

@ObjectType({ description: 'A page of limits, in the order of the ids of their end users.', simpleResolvers: true })
export class EndUserLimitConnection implements Connection<EndUserLimit> {
  @Field(() => [EndUserLimitEdge], { description: 'The items of this page.' })
  readonly edges!: readonly EndUserLimitEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
