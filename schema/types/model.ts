import { Field, ID, Int, ObjectType } from '../decorators';
import { Capability } from '../enums/capability';
import { DateTimeScalar } from '../scalars/date-time';
import { Rate } from './rate-card';

@ObjectType({ description: "A provider's model.", simpleResolvers: true })
export class Model {
  @Field(() => ID, {
    description:
      'Unique over all providers: provider/model, as "openai/gpt-4.1". Inputs named model take it, or the bare name beside provider.',
  })
  readonly id!: string;

  @Field(() => String, { description: 'The bare name, unique within the provider.' })
  readonly name!: string;

  @Field(() => Capability, { description: 'What it does.' })
  readonly capability!: Capability;

  @Field(() => Boolean, { description: 'Whether it serves when an input names the provider and no model.' })
  readonly default!: boolean;

  @Field(() => [Rate], { description: 'What it costs; empty where it has no rate, and then it is not served.' })
  readonly rates!: readonly Rate[];

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the provider stopped (or will stop) serving it; null: no date is known.',
  })
  readonly retiredAt!: Date | null;

  @Field(() => ID, { nullable: true, description: 'Model.id that the provider names in its place; null: none.' })
  readonly successor!: string | null;

  @Field(() => Int, { nullable: true, description: 'Most tokens of one reply; null where it writes no tokens.' })
  readonly maxOutputTokens!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Most tokens of a reply when the input does not say; null where it writes no tokens.',
  })
  readonly defaultMaxOutputTokens!: number | null;
}
