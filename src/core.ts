import type { Logger } from 'pino';
import { BillingAccounts } from './billing/accounts';
import { Subscriptions } from './billing/subscriptions';
import { DEFAULT_BOOTSTRAP_PLAN, type Settings } from './config';
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
import { type AgreedTerms, planOf } from './metering/agreed-terms';
import type { PriceBook } from './metering/price-book';
import { planTerms } from './operations/account/plan-view';
import { openPriceBook } from './price-books';

/** What the server and the command line have in common: the database, the price book, workspaces and their accounts. */
export interface Core {
  readonly database: Database;
  readonly priceBook: PriceBook;
  readonly bus: EventBus;
  readonly notices: IdentityNotices;
  readonly accounts: BillingAccounts;
  readonly subscriptions: Subscriptions;
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
  const priceBook = openPriceBook(settings, clock);
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
      (planId, agreed, moment) => {
        const plan = planOf(moment ? priceBook.at(moment) : priceBook, planId, agreed);
        return plan && planTerms(plan, agreed !== null);
      },
      (workspaceId) => bus.publish('balance', { workspaceId }),
      (workspaceId) => notices.planChanged(workspaceId),
      () => priceBook.topUps?.validMonths ?? 12,
    );
    const subscriptions = new Subscriptions({ database, accounts, defaultPlanId: () => priceBook.defaultPlan.id });
    const workspaces = new WorkspaceService(database, (tx, workspaceId, planId) =>
      accounts.open(tx, workspaceId, planId),
    );
    const maxApiKeys = (planId: string, agreed: AgreedTerms | null): number | null =>
      planOf(priceBook, planId, agreed)?.maxApiKeys ?? null;
    return {
      database,
      priceBook,
      bus,
      notices,
      accounts,
      subscriptions,
      workspaces,
      keys: new KeyService({ database, clock, notices, maxApiKeys }),
      bootstrap: () =>
        bootstrap(database, workspaces, {
          apiKey: settings.bootstrap.apiKey?.reveal() ?? null,
          adminKey: settings.bootstrap.adminKey?.reveal() ?? null,
          planId: firstPlan(priceBook, settings.bootstrap.plan),
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

/** A book without the plan that a first workspace is otherwise put on has a default of its own. */
const firstPlan = (priceBook: PriceBook, asked: string): string =>
  asked === DEFAULT_BOOTSTRAP_PLAN && !priceBook.findPlan(asked) ? priceBook.defaultPlan.id : asked;
