import { Field, ID, InputType, Int } from '../decorators';
import { ApiKeyScope } from '../enums/api-key-scope';
import { DateTimeScalar } from '../scalars/date-time';

@InputType({ description: 'A new API key.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'Its name, for people; 1 to 200 characters without control characters.' })
  readonly name!: string;

  @Field(() => [ApiKeyScope], {
    nullable: true,
    description: 'What it may do: only scopes that the calling key holds. METERED and READ when left out.',
  })
  readonly scopes?: readonly ApiKeyScope[] | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it stops working by itself, in the future; never, when left out.',
  })
  readonly expiresAt?: Date | null;
}

@InputType({ description: 'A key that gets a new secret.' })
export class RotateApiKeyInput {
  @Field(() => ID, { description: 'ApiKey.id.' })
  readonly id!: string;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description: 'Seconds for which the old secret still works, 0 to 604800 (7 days).',
  })
  readonly graceSeconds?: number | null;
}

@InputType({ description: 'A key that stops working at once, open sockets included.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: 'ApiKey.id.' })
  readonly id!: string;
}
