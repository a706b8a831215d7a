import { Field, ObjectType } from '../decorators';
import type { Connection, Edge } from './connection';
import { OperationUsage } from './operation-usage';
import { PageInfo } from './page-info';

@ObjectType({ description: 'One usage in a page of usage.', simpleResolvers: true })
export class UsageEventEdge implements Edge<OperationUsage> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => OperationUsage, { description: 'The usage.' })
  readonly node!: OperationUsage;
}

@ObjectType({ description: 'A page of usage, newest first.', simpleResolvers: true })
export class UsageEventConnection implements Connection<OperationUsage> {
  @Field(() => [UsageEventEdge], { description: 'The items of this page.' })
  readonly edges!: readonly UsageEventEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
