import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock';
import { AppError, badInput, notFound } from '../lib/errors';
import { isId, newId } from '../lib/ids';
import type { SignedAddresses } from '../lib/signed-addresses';
import type { RecordingFiles } from './recording-files';
import { checkDeclared, findOtherType, normaliseType, type UploadPurpose } from './upload-purposes';
import { UPLOAD_KEPT_HOURS, type UploadOwner, type UploadRecord, type UploadRecords } from './upload-records';

/** How long a sender may pause, and take in all. Milliseconds. */
const IDLE_MS = 30_000;
const TOTAL_MS = 900_000;
const OPENING_BYTES = 4_096;
const HOUR_MS = 3_600_000;
/** Longer than any row that could name a file lives. */
const FILES_KEPT_HOURS = UPLOAD_KEPT_HOURS + 2;

/** Where and how a file is to be sent. */
export interface OpenedUpload {
  readonly id: string;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly expiresAt: Date;
}

/** A request that sends a file. */
export interface Sending {
  readonly id: string;
  readonly expires: string;
  readonly signature: string;
  readonly contentType: string;
  /** null: its length is not known before (chunked). */
  readonly contentLength: number | null;
  readonly body: Readable;
}

export interface UploadsDependencies {
  readonly clock: Clock;
  readonly records: UploadRecords;
  readonly urls: SignedAddresses;
  readonly files: RecordingFiles;
}

/**
 * Files that clients send under signed addresses. An address takes one file within 15 minutes; the file waits 24 hours for
 * its use, belongs to its workspace (or client token) alone, and is removed when an operation that used it has succeeded.
 */
export class Uploads {
  /** Being received by this process. */
  private readonly receiving = new Set<string>();

  constructor(private readonly dependencies: UploadsDependencies) {}

  /** @throws AppError BAD_USER_INPUT, UNSUPPORTED, PAYLOAD_TOO_LARGE, or RATE_LIMITED while too many are open */
  async create(
    owner: UploadOwner,
    declared: { readonly purpose: UploadPurpose; readonly contentType: string; readonly sizeBytes: number },
  ): Promise<OpenedUpload> {
    const { clock, records, urls } = this.dependencies;
    const contentType = checkDeclared(declared.purpose, declared.contentType, declared.sizeBytes);
    const id = newId(clock.now());
    const created = await records.create(id, owner, { ...declared, contentType });
    if ('retryAfterSeconds' in created) {
      throw new AppError(
        'RATE_LIMITED',
        'Too many uploads of this workspace wait for their use; use them, or wait until the oldest is removed.',
        { retryAfterSeconds: created.retryAfterSeconds },
      );
    }
    const { expiresAt } = created;
    return { id, url: urls.sign(id, expiresAt), headers: [{ name: 'content-type', value: contentType }], expiresAt };
  }

  /**
   * Takes a file that is sent, straight to the disk. What goes wrong leaves the address as it was.
   * @throws AppError NOT_FOUND (also for a wrong or old signature), CONFLICT, BAD_USER_INPUT, PAYLOAD_TOO_LARGE, UNSUPPORTED
   */
  async receive(sending: Sending): Promise<void> {
    const { id } = sending;
    const record = await this.findSigned(sending);
    if (record.sha256 !== null || this.receiving.has(id)) {
      throw new AppError('CONFLICT', 'This upload was sent before; ask for another one with createUpload.');
    }
    checkHead(record, sending);
    this.receiving.add(id);
    try {
      await this.store(record, sending.body);
    } finally {
      this.receiving.delete(id);
    }
  }

  /**
   * An upload that has arrived, whether or not its bytes are still there.
   * @throws AppError NOT_FOUND, or BAD_USER_INPUT where it has not arrived or was made for something else
   */
  async find(owner: UploadOwner, id: string, purpose: UploadPurpose, field: string): Promise<UploadRecord> {
    const record = isId(id) ? await this.dependencies.records.find(id, owner) : null;
    if (!record) throw notFound('upload');
    if (record.purpose !== purpose) {
      throw badInput(field, `This upload was made for ${record.purpose}; ask for one for ${purpose}.`);
    }
    if (record.sha256 === null) {
      throw badInput(field, 'Nothing has been sent to this upload yet; PUT the bytes to its url first.');
    }
    return record;
  }

  pathOf(record: UploadRecord): string | null {
    return record.fileName === null ? null : this.dependencies.files.pathOf(record.fileName);
  }

  /** It served: its bytes go at once, its digest stays for repeated idempotency keys. */
  async used(record: UploadRecord): Promise<void> {
    await this.dependencies.records.used(record.id);
    if (record.fileName !== null) await this.dependencies.files.remove(record.fileName);
  }

  async removeOld(): Promise<void> {
    const { clock, records, files } = this.dependencies;
    for (const name of await records.removeOld()) await files.remove(name);
    await files.removeOlderThan(clock.now() - FILES_KEPT_HOURS * HOUR_MS);
  }

  private async findSigned({ id, expires, signature }: Sending): Promise<UploadRecord> {
    const { clock, records, urls } = this.dependencies;
    const signed = isId(id) && urls.verify(id, expires, signature, clock.now());
    const record = signed ? await records.findSigned(id) : null;
    if (!record) {
      throw new AppError(
        'NOT_FOUND',
        'There is no upload under this address, or its time is over; ask for another one with createUpload.',
      );
    }
    return record;
  }

  private async store(record: UploadRecord, body: Readable): Promise<void> {
    const { records, files } = this.dependencies;
    const bytes = await files.write(this.watched(body), record.sizeBytes, () => wrongSize(record, null));
    try {
      if (bytes.sizeBytes !== record.sizeBytes) throw wrongSize(record, bytes.sizeBytes);
      const other = findOtherType(record.purpose, record.contentType, await openingOf(files.pathOf(bytes.name)));
      if (other !== null) {
        throw new AppError('UNSUPPORTED', `What was sent is ${other}, not ${record.contentType} as it was declared.`, {
          supported: [record.contentType],
        });
      }
      if (!(await records.received(record.id, bytes.name, bytes))) {
        throw new AppError('CONFLICT', 'This upload was sent before; ask for another one with createUpload.');
      }
    } catch (error) {
      await files.remove(bytes.name);
      throw error;
    }
  }

  /** The bytes as they come, as long as they come. */
  private async *watched(body: Readable): AsyncGenerator<Uint8Array, void, void> {
    const { clock } = this.dependencies;
    const tooSlow = new AppError('BAD_USER_INPUT', 'The upload was sent too slowly; send it again.');
    let late = false;
    const stop = (): void => {
      late = true;
      body.destroy();
    };
    const cancelTotal = clock.schedule(stop, TOTAL_MS);
    let cancelIdle = clock.schedule(stop, IDLE_MS);
    try {
      for await (const chunk of body) {
        yield chunk as Buffer;
        cancelIdle();
        cancelIdle = clock.schedule(stop, IDLE_MS);
      }
      if (late) throw tooSlow;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw late
        ? tooSlow
        : new AppError('BAD_USER_INPUT', 'The upload broke off before its end; send it again.', {}, error);
    } finally {
      cancelTotal();
      cancelIdle();
    }
  }
}

function checkHead(record: UploadRecord, { contentType, contentLength }: Sending): void {
  if (normaliseType(contentType) !== record.contentType) {
    throw new AppError(
      'UNSUPPORTED',
      `This upload was declared as ${record.contentType}; send it with that content-type.`,
      {
        supported: [record.contentType],
      },
    );
  }
  if (contentLength !== null && contentLength !== record.sizeBytes) throw wrongSize(record, contentLength);
}

/** @param actual null: more than was declared; how much more is not known */
function wrongSize({ sizeBytes }: UploadRecord, actual: number | null): AppError {
  const larger = actual === null || actual > sizeBytes;
  return new AppError(
    larger ? 'PAYLOAD_TOO_LARGE' : 'BAD_USER_INPUT',
    `This upload was declared with ${sizeBytes} bytes; send exactly as many, or ask for another one with createUpload.`,
    { limit: sizeBytes, ...(actual !== null && { actual }) },
  );
}

async function openingOf(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(OPENING_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, OPENING_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
