import { Field, ID, InputType } from '../decorators';
import { GrantKind } from '../enums/grant-kind';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';

@InputType({ description: 'A new workspace.' })
export class CreateWorkspaceInput {
  @Field(() => String, { description: 'Its name, for people; 1 to 200 characters without control characters.' })
  readonly name!: string;

  @Field(() => ID, { description: 'Plan.id of its plan.' })
  readonly plan!: string;
}

@InputType({ description: 'A workspace that moves to another plan.' })
export class SetWorkspacePlanInput {
  @Field(() => ID, { description: 'Workspace.id.' })
  readonly workspaceId!: string;

  @Field(() => ID, { description: 'Plan.id of the plan that it moves to.' })
  readonly plan!: string;
}

@InputType({ description: 'Credits that the operator gives to a workspace.' })
export class GrantCreditsInput {
  @Field(() => ID, { description: 'Workspace.id.' })
  readonly workspaceId!: string;

  @Field(() => GrantKind, { description: 'What kind of grant it is.' })
  readonly kind!: GrantKind;

  @Field(() => DecimalScalar, { description: 'Credits, more than 0, with at most 6 decimals.' })
  readonly credits!: string;

  @Field(() => String, { description: 'Why, for the journal. Not empty.' })
  readonly reason!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When what is left of it is lost, in the future; never, when left out.',
  })
  readonly expiresAt?: Date | null;

  @Field(() => String, {
    description: 'The same key with the same input grants once; with another input it is a CONFLICT.',
  })
  readonly idempotencyKey!: string;
}
