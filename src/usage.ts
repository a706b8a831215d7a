import { ExportRecords } from './analytics/export-records';
import { UsageLog } from './analytics/usage-log';
import { UsageSums } from './analytics/usage-sums';
import type { Balances } from './billing/balances';
import type { Database } from './db/database';
import type { Clock } from './lib/clock';
import type { KeyRing } from './lib/keys';
import { SignedAddresses } from './lib/signed-addresses';
import type { RequestWindows } from './limits/request-windows';
import type { PriceBook } from './metering/price-book';
import { UsageOperations } from './operations/account/usage-operations';
import { ExportedRows } from './operations/usage/exported-rows';
import { UsageEventList } from './operations/usage/usage-event-list';
import { UsageExports } from './operations/usage/usage-exports';
import { UsageSumLists } from './operations/usage/usage-sum-lists';
import type { UsageRepository } from './operations/usage-repository';

export interface UsageParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly usage: UsageRepository;
  readonly balances: Balances;
  readonly priceBook: PriceBook;
  readonly windows: RequestWindows;
  readonly keyRing: KeyRing;
  readonly publicUrl: () => string;
}

/** What tells how much was used, in the `Services` under the same names. */
export interface Usage {
  readonly usage: UsageOperations;
  readonly usageSums: UsageSumLists;
  readonly usageExports: UsageExports;
}

/** What was used: by period, in sums, one by one, and as files. */
export function buildUsage(parts: UsageParts): Usage {
  const { database, clock, usage, balances, priceBook, windows } = parts;
  const sums = new UsageSums(database);
  const log = new UsageLog(database);
  return {
    usage: new UsageOperations({
      database,
      events: new UsageEventList(log, usage),
      balances,
      book: priceBook,
      windows,
    }),
    usageSums: new UsageSumLists(sums),
    usageExports: new UsageExports({
      records: new ExportRecords(database),
      rows: new ExportedRows({ sums, log }),
      addresses: new SignedAddresses(parts.publicUrl, 'exports', parts.keyRing.deriveKeys('export-url')),
      clock,
    }),
  };
}
