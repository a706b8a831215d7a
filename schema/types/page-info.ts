import { Field, ObjectType } from '../decorators';

@ObjectType({ description: 'Where a page of a list stands in the whole list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether something follows the last item of this page.' })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether something comes before the first item of this page.' })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first item; null where the page is empty.' })
  readonly startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last item, to be sent as after for the next page; null where the page is empty.',
  })
  readonly endCursor!: string | null;
}
