import { Field, Float, ID, ObjectType } from '../decorators';
import { Capability } from '../enums/capability';
import { CircuitState } from '../enums/circuit-state';
import type { Lazy } from './lazy';
import { Model } from './model';

@ObjectType({ description: 'How a provider has answered of late, as this server sees it.', simpleResolvers: true })
export class ProviderHealth {
  @Field(() => CircuitState, { description: 'Whether requests go out to it.' })
  readonly circuit!: CircuitState;

  @Field(() => Float, { nullable: true, description: 'Share of requests that failed, 0 to 1; null: too few to tell.' })
  readonly errorRate!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Median time to its first byte, in milliseconds; null: too few to tell.',
  })
  readonly latencyP50Ms!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Time to its first byte that 95 % stay under, in milliseconds; null: too few to tell.',
  })
  readonly latencyP95Ms!: number | null;
}

@ObjectType({
  description: 'Who does the work: a service behind an adapter, or the engine that is built in.',
  simpleResolvers: true,
})
export class Provider {
  @Field(() => ID, { description: 'Its id, as "elevenlabs". Inputs named provider take it.' })
  readonly id!: string;

  @Field(() => String, { description: 'Its name, for people.' })
  readonly name!: string;

  @Field(() => [Capability], { description: 'What it can do.' })
  readonly capabilities!: readonly Capability[];

  @Field(() => Boolean, {
    description: "Whether its voices are the platform's own; plans give such voices an allowance.",
  })
  readonly firstParty!: boolean;

  @Field(() => Boolean, {
    description: 'The platform, this workspace or this request holds a key for it, or it needs none and is set up.',
  })
  readonly available!: boolean;

  @Field(() => Boolean, { description: "Requests go out with the workspace's own key, and cost no credits." })
  readonly byok!: boolean;

  /** Every model; the resolver of the field narrows them to one capability. */
  @Field(() => [Model], { description: 'Its models, of every capability or of the one that is named.' })
  readonly models!: readonly Model[];

  @Field(() => ProviderHealth, { description: 'How it has answered of late.' })
  readonly health!: Lazy<ProviderHealth>;

  @Field(() => String, {
    nullable: true,
    description: "The request header that carries the caller's own key; null: it takes none.",
  })
  readonly keyHeader!: string | null;
}
