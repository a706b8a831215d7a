import { Field, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({ description: 'Where an export can be fetched.', simpleResolvers: true })
export class CreateUsageExportPayload {
  @Field(() => String, {
    description:
      'Signed address; GET it without a key, as often as needed. The list is read while it is sent; a transfer that breaks off is not whole. Whoever has the address can read the list.',
  })
  readonly url!: string;

  @Field(() => DateTimeScalar, { description: 'Until when the address is good: 1 hour.' })
  readonly expiresAt!: Date;
}
