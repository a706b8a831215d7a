import { Field, Float, ID, ObjectType } from '../decorators';
import { AttemptOutcome } from '../enums/attempt-outcome';
import { CredentialSource } from '../enums/credential-source';
import { ErrorCode } from '../enums/error-code';

@ObjectType({ description: 'One request to a provider within an operation.', simpleResolvers: true })
export class ProviderAttempt {
  @Field(() => ID, { description: 'Id of the provider.' })
  readonly provider!: string;

  @Field(() => ID, { nullable: true, description: 'Model.id that was asked; null where none was chosen.' })
  readonly model!: string | null;

  @Field(() => CredentialSource, { description: 'Whose key went out with it.' })
  readonly credential!: CredentialSource;

  @Field(() => AttemptOutcome, { description: 'How it ended.' })
  readonly outcome!: AttemptOutcome;

  @Field(() => ErrorCode, { nullable: true, description: 'Why it did not serve; null when it did.' })
  readonly errorCode!: ErrorCode | null;

  @Field(() => String, {
    nullable: true,
    description: "The provider's own id of the request, to quote to its support; null: it gave none.",
  })
  readonly upstreamRequestId!: string | null;

  @Field(() => Float, { nullable: true, description: 'Milliseconds until it ended; null where it was not sent.' })
  readonly latencyMs!: number | null;
}
