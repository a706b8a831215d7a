import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({ description: 'A short-lived token for a browser.', simpleResolvers: true })
export class CreateClientTokenPayload {
  @Field(() => ID, { description: 'The id by which revokeClientToken ends it early.' })
  readonly id!: string;

  @Field(() => String, {
    description: 'Shown once, here. Send it as "Authorization: Bearer <token>", or in connectionParams of a WebSocket.',
  })
  readonly token!: string;

  @Field(() => DateTimeScalar, { description: 'When it stops working; earlier where its API key ends.' })
  readonly expiresAt!: Date;
}
