import { Field, Float, ID, Int, ObjectType } from '../decorators';
import { DocumentStatus } from '../enums/document-status';
import { DocumentType } from '../enums/document-type';
import { DateTimeScalar } from '../scalars/date-time';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';

@ObjectType({ description: 'A document of a collection.', simpleResolvers: true })
export class Document {
  @Field(() => ID, { description: 'Id of the document.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'Title; null where it has none.' })
  readonly title!: string | null;

  @Field(() => DocumentType, { description: 'What it is made of.' })
  readonly type!: DocumentType;

  @Field(() => DocumentStatus, { description: 'Where it stands.' })
  readonly status!: DocumentStatus;

  @Field(() => Float, { description: 'Share of the work that is done, 0 to 1.' })
  readonly progress!: number;

  @Field(() => String, { nullable: true, description: 'Why it failed, in words; null otherwise.' })
  readonly error!: string | null;

  @Field(() => Int, { description: 'Passages that it was divided into.' })
  readonly chunkCount!: number;

  @Field(() => JsonObjectScalar, { nullable: true, description: 'What its input carried along; null: nothing.' })
  readonly metadata!: JsonObject | null;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  readonly createdAt!: Date;
}
