import type { Logger } from 'pino';
import { BillingAccounts } from './billing/accounts';
import type { Settings } from './config';
import type { Database } from './db/database';
import { migrate } from './db/migrate';
import { openDatabase } from './db/open-database';
import type { EventBus } from './events/event-bus';
import { InProcessBus } from './events/in-process-bus';
import { openPostgresBus } from './events/postgres-bus';
import { openRedisBus } from './events/redis-bus';
import { KeyService } from './identity/api-keys';
import { type BootstrapOutcome, bootstrap } from './identity/bootstrap';
import { IdentityNotices } from './identity/notices';
import { WorkspaceService } from './identity/workspaces';
import type { Clock } from './lib/clock';
import { newId } from './lib/ids';
import { loadPriceBook } from './metering/load-price-book';
import type { PriceBook } from './metering/price-book';
import { planTerms } from './operations/account/plan-view';

/** What the server and the command line have in common: the database, the price book, workspaces and their accounts. */
export interface Core {
  readonly database: Database;
  readonly priceBook: PriceBook;
  readonly bus: EventBus;
  readonly notices: IdentityNotices;
  readonly accounts: BillingAccounts;
  readonly workspaces: WorkspaceService;
  readonly keys: KeyService;
  /** Makes the first workspace and the operator's, once. */
  bootstrap(): Promise<BootstrapOutcome>;
  close(): Promise<void>;
}

/** Opens the database, brings its tables up to date and builds what works on them. */
export async function openCore(
  settings: Settings,
  { log, clock, processId = newId() }: { readonly log: Logger; readonly clock: Clock; readonly processId?: string },
): Promise<Core> {
  // The licence of XTTS v2 forbids selling what it speaks, until the operator says that it holds another.
  const overrides = settings.xttsCommercialUseConfirmed
    ? []
    : [{ capability: 'TEXT_TO_SPEECH', provider: 'xtts' } as const];
  const priceBook = loadPriceBook(settings.priceBookFile, { overrides });
  const database = await openDatabase(settings, { log, clock });
  try {
    await migrate(database, log);
    const bus = settings.redisUrl
      ? await openRedisBus(settings.redisUrl.reveal(), { processId, clock, log })
      : database.listen
        ? await openPostgresBus(database, { processId, clock, log })
        : new InProcessBus(log);
    const notices = new IdentityNotices(bus);
    const accounts = new BillingAccounts(
      database,
      (planId) => {
        const plan = priceBook.findPlan(planId);
        return plan && planTerms(plan);
      },
      (workspaceId) => bus.publish('balance', { workspaceId }),
      (workspaceId) => notices.planChanged(workspaceId),
    );
    const workspaces = new WorkspaceService(database, (tx, workspaceId, planId) =>
      accounts.open(tx, workspaceId, planId),
    );
    const maxApiKeys = (planId: string): number | null => priceBook.findPlan(planId)?.maxApiKeys ?? null;
    return {
      database,
      priceBook,
      bus,
      notices,
      accounts,
      workspaces,
      keys: new KeyService({ database, clock, notices, maxApiKeys }),
      bootstrap: () =>
        bootstrap(database, workspaces, {
          apiKey: settings.bootstrap.apiKey?.reveal() ?? null,
          adminKey: settings.bootstrap.adminKey?.reveal() ?? null,
          planId: settings.bootstrap.plan,
        }),
      async close() {
        await bus.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
