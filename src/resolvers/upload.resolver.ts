import { Arg, Ctx, Mutation, Resolver } from '../../schema/decorators';
import { CreateUploadInput } from '../../schema/inputs/upload-inputs';
import { CreateUploadPayload, Upload } from '../../schema/types/upload';
import type { RequestContext } from './context';
import { requireScope } from './rights';

@Resolver(() => Upload)
export class UploadResolver {
  @Mutation(() => CreateUploadPayload, {
    nullable: true,
    description:
      'For audio, documents and reference clips alike. Free; at most 100 uploads of a workspace, of 2 GiB together, wait for their bytes or their use at a time.',
  })
  async createUpload(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateUploadInput, { description: 'The file that will be sent.' }) input: CreateUploadInput,
  ): Promise<CreateUploadPayload> {
    requireScope(context, 'METERED');
    return { upload: await context.services.uploads.create(context, input) };
  }
}
