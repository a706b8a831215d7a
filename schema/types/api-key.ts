import { Field, ID, ObjectType } from '../decorators';
import { ApiKeyScope } from '../enums/api-key-scope';
import { DateTimeScalar } from '../scalars/date-time';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({
  description: 'A permanent key of a workspace. Its secret is shown once, when it is made; only a hash is kept.',
  simpleResolvers: true,
})
export class ApiKey {
  @Field(() => ID, { description: 'Stays the same when the key is rotated.' })
  readonly id!: string;

  @Field(() => String, { description: 'The name that it was given, for people.' })
  readonly name!: string;

  @Field(() => String, { description: 'The first characters of the secret, by which people tell keys apart.' })
  readonly prefix!: string;

  @Field(() => [ApiKeyScope], { description: 'What it may do.' })
  readonly scopes!: readonly ApiKeyScope[];

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was last used, to within about a minute; null: never.',
  })
  readonly lastUsedAt!: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it stops working by itself; null: never.' })
  readonly expiresAt!: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was revoked; null while it is not.' })
  readonly revokedAt!: Date | null;
}

@ObjectType({ description: 'A key and its secret.', simpleResolvers: true })
export class CreateApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key that was made or rotated.' })
  readonly apiKey!: ApiKey;

  @Field(() => String, { description: 'Shown once, here. Send it as "Authorization: Bearer <secret>".' })
  readonly secret!: string;
}

@ObjectType({ description: 'The key as it is after the change.', simpleResolvers: true })
export class ApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key that was changed.' })
  readonly apiKey!: ApiKey;
}

@ObjectType({ description: 'One key in a page of keys.', simpleResolvers: true })
export class ApiKeyEdge implements Edge<ApiKey> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => ApiKey, { description: 'The key.' })
  readonly node!: ApiKey;
}

@ObjectType({ description: 'A page of API keys, newest first, revoked ones included.', simpleResolvers: true })
export class ApiKeyConnection implements Connection<ApiKey> {
  @Field(() => [ApiKeyEdge], { description: 'The items of this page.' })
  readonly edges!: readonly ApiKeyEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
