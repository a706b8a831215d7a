import { Field, ID, InputType, Int } from '../decorators';
import { RoutingStrategy } from '../enums/routing-strategy';

@InputType({
  description:
    'Another provider that may serve. It starts from the beginning with its own model and voice, and is charged at its own price.',
})
export class FallbackInput {
  @Field(() => ID, { description: 'Provider.id.' })
  readonly provider!: string;

  @Field(() => ID, {
    nullable: true,
    description: "Model.id, or the bare name; the provider's default model, when left out.",
  })
  readonly model?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "Voice.id, or the provider's own id. Required for speech, as no voice is ever carried over from another provider; only for speech.",
  })
  readonly voice?: string | null;
}

@InputType({ description: 'How an operation finds its provider, and how long it may take.' })
export class RoutingInput {
  @Field(() => RoutingStrategy, {
    nullable: true,
    description: 'In which order the provider asked for and the fallbacks are tried; PRIORITY, when left out.',
  })
  readonly strategy?: RoutingStrategy | null;

  @Field(() => [FallbackInput], {
    nullable: true,
    description:
      'Who may serve when the provider asked for cannot, at most 5. A failed attempt costs nothing, and nothing is switched once audio or text has reached the caller. What is held covers the dearest of them.',
  })
  readonly fallbacks?: readonly FallbackInput[] | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Milliseconds after which the operation is ended as if the caller had left, retries and fallbacks included, 1000 to 600000; the default of the server, when left out.',
  })
  readonly timeoutMs?: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether the successor of a retired model that is asked for may serve in its place; the usage names it. No, when left out: the model is tried, and a refusal names its successor.',
  })
  readonly allowSuccessor?: boolean | null;
}
