import { Field, Float, ID, ObjectType } from '../decorators';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import { Document } from './document';

@ObjectType({ description: 'A passage that was found in a collection.', simpleResolvers: true })
export class SearchResult {
  @Field(() => Document, { description: 'The document that it is from.' })
  readonly document!: Document;

  @Field(() => ID, { description: 'Id of the passage.' })
  readonly chunkId!: string;

  @Field(() => String, { description: 'The passage.' })
  readonly text!: string;

  @Field(() => Float, { description: 'How well it fits: the higher, the better. By it results are sorted.' })
  readonly score!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'How near it is in meaning; null where meaning was not compared.',
  })
  readonly vectorScore!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'How well its words match; null where words were not compared.',
  })
  readonly keywordScore!: number | null;

  @Field(() => JsonObjectScalar, { nullable: true, description: 'Metadata of its document; null: none.' })
  readonly metadata!: JsonObject | null;
}
