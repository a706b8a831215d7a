import type { CreateUsageExportInput } from '../../../schema/inputs/usage-export-inputs';
import type { CreateUsageExportPayload } from '../../../schema/types/usage-export';
import type { ExportRecords } from '../../analytics/export-records';
import type { PrincipalContext } from '../../identity/caller';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import { isId } from '../../lib/ids';
import type { SignedAddresses } from '../../lib/signed-addresses';
import { ROW_WRITERS } from './export-formats';
import { type ExportedList, exportedFields, readExportedList } from './exported-lists';
import type { ExportedRows } from './exported-rows';

/** A file that is made while it is read. */
export interface OpenedExport {
  readonly contentType: string;
  readonly fileName: string;
  /** The whole file, piece by piece; nothing is read before it is asked for. */
  chunks(): AsyncGenerator<string, void, void>;
}

/** Whole lists of usage as files, under signed addresses. */
export class UsageExports {
  constructor(
    private readonly dependencies: {
      readonly records: ExportRecords;
      readonly rows: ExportedRows;
      readonly addresses: SignedAddresses;
      readonly clock: Clock;
    },
  ) {}

  /** @throws AppError BAD_USER_INPUT, or RATE_LIMITED while too many are open */
  async create(
    { principal: { workspaceId } }: PrincipalContext,
    input: CreateUsageExportInput,
  ): Promise<CreateUsageExportPayload> {
    const { records, addresses } = this.dependencies;
    const created = await records.create(workspaceId, input.format, readExportedList(input));
    if ('retryAfterSeconds' in created) {
      throw new AppError(
        'RATE_LIMITED',
        'Too many exports of this workspace are open; use their addresses again, or wait until the oldest has ended.',
        { retryAfterSeconds: created.retryAfterSeconds },
      );
    }
    return { url: addresses.sign(created.id, created.expiresAt), expiresAt: created.expiresAt };
  }

  /** null: no such export, or the address was not signed by us, or its time is over. */
  async open(id: string, expires: string, signature: string): Promise<OpenedExport | null> {
    const { records, rows, addresses, clock } = this.dependencies;
    if (!isId(id) || !addresses.verify(id, expires, signature, clock.now())) return null;
    const record = await records.findSigned(id);
    if (!record) return null;
    const list = record.list as ExportedList;
    const fields = exportedFields(list);
    const writer = ROW_WRITERS[record.format];
    const made = record.createdAt.toISOString().replace(/[-:]|\.\d+/g, '');
    return {
      contentType: writer.contentType,
      fileName: `${list.kind}-${made}.${writer.extension}`,
      async *chunks() {
        const head = writer.head(fields);
        if (head !== '') yield head;
        for await (const page of rows.pages(record.workspaceId, list)) {
          yield page.map((row) => writer.row(fields, row)).join('');
        }
      },
    };
  }

  /** Forgets exports whose addresses are no longer good. */
  removeOld(): Promise<void> {
    return this.dependencies.records.removeOld();
  }
}
