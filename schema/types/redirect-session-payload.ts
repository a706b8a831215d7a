import { Field, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({ description: 'A page of the payment provider to which the browser is sent.', simpleResolvers: true })
export class RedirectSessionPayload {
  @Field(() => String, { description: 'Its address, for one person and one visit: send the browser there at once.' })
  readonly url!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Until when the page can be used; null: minutes, as the provider gives no time.',
  })
  readonly expiresAt!: Date | null;
}
