import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({ description: 'A header of an HTTP request.', simpleResolvers: true })
export class HttpHeader {
  @Field(() => String, { description: 'Name of the header.' })
  readonly name!: string;

  @Field(() => String, { description: 'Its value.' })
  readonly value!: string;
}

@ObjectType({
  description:
    'Where a file is to be sent: PUT the bytes to url with exactly these headers. The address takes one file and needs no key. The file belongs to the workspace, or to the client token that asked for it, alone.',
  simpleResolvers: true,
})
export class Upload {
  @Field(() => ID, { description: 'Id of the upload, for the operation that uses it.' })
  readonly id!: string;

  @Field(() => String, { description: 'Signed address that takes the bytes.' })
  readonly url!: string;

  @Field(() => [HttpHeader], { description: 'Headers that the request must carry.' })
  readonly headers!: readonly HttpHeader[];

  @Field(() => DateTimeScalar, {
    description:
      'Until when the bytes are taken: 15 minutes. Once they have arrived they are kept 24 hours, or until they were used.',
  })
  readonly expiresAt!: Date;
}

@ObjectType({ description: 'An upload that waits for its bytes.', simpleResolvers: true })
export class CreateUploadPayload {
  @Field(() => Upload, { description: 'Where and how to send the file.' })
  readonly upload!: Upload;
}
