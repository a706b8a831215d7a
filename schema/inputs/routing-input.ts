import { Field, InputType, Int } from '../decorators';

@InputType({ description: 'How an operation finds its provider, and how long it may take.' })
export class RoutingInput {
  @Field(() => Int, {
    nullable: true,
    description:
      'Milliseconds after which the operation is ended as if the caller had left, 1000 to 600000; the default of the server, when left out.',
  })
  readonly timeoutMs?: number | null;
}
