import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { Provider } from './provider';

@ObjectType({
  description:
    "A key of the workspace's own for a provider, kept here encrypted. Requests to that provider go out with it and cost no credits, unless they bring a key of their own. It is never shown again.",
  simpleResolvers: true,
})
export class ProviderCredential {
  @Field(() => ID, { description: 'Id of this key; the key that takes its place has another.' })
  readonly id!: string;

  /** Left out by those who make it: whether a provider is available depends on who asks, so a resolver answers. */
  @Field(() => Provider, { description: 'Whose key it is; it goes to nobody else.' })
  readonly provider?: Provider;

  /** Not part of the schema: what `provider` is found by. */
  readonly providerId!: string;

  @Field(() => String, { nullable: true, description: 'The name that it was given, for people; null: none.' })
  readonly label!: string | null;

  @Field(() => String, {
    description: 'The last four characters of the key; **** where the key has fewer than eight.',
  })
  readonly lastFour!: string;

  @Field(() => DateTimeScalar, { description: 'When it was stored.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was last used, to within about a minute; null: never.',
  })
  readonly lastUsedAt!: Date | null;
}

@ObjectType({ description: 'The stored key as it is after the change.', simpleResolvers: true })
export class ProviderCredentialPayload {
  @Field(() => ProviderCredential, { description: 'The key that was stored.' })
  readonly credential!: ProviderCredential;
}
