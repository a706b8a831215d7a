import { Field, ID, ObjectType } from '../decorators';

@ObjectType({ description: 'What a deletion or a revocation answers.', simpleResolvers: true })
export class DeletePayload {
  @Field(() => ID, { description: 'The id of what is gone.' })
  readonly deletedId!: string;
}
