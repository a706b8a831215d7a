import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { ApiKey } from './api-key';
import { CreditBalance } from './credit-balance';
import type { Lazy } from './lazy';
import { Plan } from './plan';
import { RateLimitStatus } from './rate-limit-status';

@ObjectType({
  description: 'One customer of the platform: keys, balance, usage and all objects belong to one workspace.',
  simpleResolvers: true,
})
export class Workspace {
  @Field(() => ID, { description: 'Id of the workspace.' })
  readonly id!: string;

  @Field(() => String, { description: 'Its name, for people.' })
  readonly name!: string;

  @Field(() => Plan, { description: 'The plan that it is on.' })
  readonly plan!: Lazy<Plan>;

  @Field(() => ApiKey, { nullable: true, description: 'The key of this request; null for a client token.' })
  readonly currentApiKey!: Lazy<ApiKey | null>;

  @Field(() => CreditBalance, { description: 'What it can spend at present.' })
  readonly balance!: Lazy<CreditBalance>;

  @Field(() => RateLimitStatus, { description: 'Its metered requests in this minute.' })
  readonly rateLimit!: Lazy<RateLimitStatus>;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'A new workspace and its first key.', simpleResolvers: true })
export class CreateWorkspacePayload {
  @Field(() => Workspace, { description: 'The workspace, with the first grant of its plan.' })
  readonly workspace!: Workspace;

  @Field(() => ApiKey, { description: 'Its first key, with every scope but ADMIN.' })
  readonly apiKey!: ApiKey;

  @Field(() => String, { description: 'The secret of that key. Shown once, here.' })
  readonly secret!: string;
}

@ObjectType({ description: 'The workspace as it is after the change.', simpleResolvers: true })
export class WorkspacePayload {
  @Field(() => Workspace, { description: 'The workspace that was changed.' })
  readonly workspace!: Workspace;
}
