import { Field, InputType } from '../decorators';
import { UploadPurpose } from '../enums/upload-purpose';
import { SafeIntScalar } from '../scalars/safe-int';

@InputType({
  description:
    'A file that will be sent. purpose decides the limits of size and type; contentType and sizeBytes are checked against what arrives.',
})
export class CreateUploadInput {
  @Field(() => UploadPurpose, { description: 'What the file is for.' })
  readonly purpose!: UploadPurpose;

  @Field(() => String, { description: 'Media type of the file, as "audio/wav".' })
  readonly contentType!: string;

  @Field(() => SafeIntScalar, { description: 'Size of the file in bytes, exactly.' })
  readonly sizeBytes!: number;
}
