import type { CreateUploadInput } from '../../schema/inputs/upload-inputs';
import type { PrincipalContext } from '../identity/caller';
import { requireApiKey, requireCapability } from '../identity/rights';
import { PURPOSE_RULES } from '../recordings/upload-purposes';
import type { OpenedUpload, Sending, Uploads } from '../recordings/uploads';

/** Files that clients send, for whichever operation uses them. */
export class UploadOperations {
  constructor(private readonly uploads: Uploads) {}

  /** @throws AppError FORBIDDEN for a client token that could not use the file, and whatever is wrong with the input */
  async create({ principal }: PrincipalContext, input: CreateUploadInput): Promise<OpenedUpload> {
    const { capability } = PURPOSE_RULES[input.purpose];
    if (capability === null) requireApiKey(principal);
    else requireCapability(principal, capability);
    return this.uploads.create(principal, input);
  }

  /** @throws AppError with what is wrong; the address stays as it was */
  receive(sending: Sending): Promise<void> {
    return this.uploads.receive(sending);
  }
}
