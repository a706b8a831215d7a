import { Field, ID, InputType } from '../decorators';

@InputType({ description: "A key of the workspace's own for a provider." })
export class SetProviderCredentialInput {
  @Field(() => ID, { description: 'Provider.id of a provider that takes keys (keyHeader is not null).' })
  readonly provider!: string;

  @Field(() => String, {
    description:
      'The key: at most 512 printable ASCII characters without spaces. Kept encrypted, and never shown again.',
  })
  readonly secret!: string;

  @Field(() => String, {
    nullable: true,
    description: 'A name for people; 1 to 200 characters without control characters. None, when left out.',
  })
  readonly label?: string | null;
}

@InputType({ description: 'A stored key that is removed at once.' })
export class DeleteProviderCredentialInput {
  @Field(() => ID, { description: 'Provider.id.' })
  readonly provider!: string;
}
