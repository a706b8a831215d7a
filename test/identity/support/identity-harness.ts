import type { Database, Queryable } from '../../../src/db/database';
import { KeyService } from '../../../src/identity/api-keys';
import { Authenticator } from '../../../src/identity/authenticator';
import { ClientTokenService } from '../../../src/identity/client-tokens';
import { LastUse } from '../../../src/identity/last-use';
import { IdentityNotices } from '../../../src/identity/notices';
import type { Principal } from '../../../src/identity/principal';
import { WorkspaceService } from '../../../src/identity/workspaces';
import { moveClock, openTestDatabase } from '../../support/database';
import { TestClock } from '../../support/test-clock';
import { Network, type NetworkMember } from './recorded-bus';

/** Active keys of the test's plans; `open` has no limit. */
const MAX_KEYS: Readonly<Record<string, number | null>> = { two: 2, five: 5, open: null };

/** An account as billing would open it, with nothing to spend. */
async function openAccount(tx: Queryable, workspaceId: string, planId: string): Promise<void> {
  if (!(planId in MAX_KEYS)) throw new Error(`no plan ${planId}`);
  await tx.query(
    `INSERT INTO accounts (workspace_id, plan_id, billing_anchor, period_start, period_end, next_change_at)
     VALUES ($1, $2, ledger_now(), ledger_now(), ledger_now() + interval '1 month', ledger_now() + interval '1 month')`,
    [workspaceId, planId],
  );
}

/** What one server process has of identity. */
export interface IdentityNode {
  readonly bus: NetworkMember;
  readonly notices: IdentityNotices;
  readonly authenticator: Authenticator;
  readonly keys: KeyService;
  readonly tokens: ClientTokenService;
  readonly lastUse: LastUse;
  /** Every statement that this node sent outside transactions, in order. */
  readonly statements: string[];
  readonly warnings: string[];
}

export interface NodeOptions {
  readonly query?: (send: Database['query']) => Database['query'];
  readonly clock?: TestClock;
}

/** Identity over one real database, in as many processes as a test wants. */
export class IdentityHarness {
  readonly clock = new TestClock();
  readonly network = new Network();
  readonly workspaces: WorkspaceService;

  private constructor(
    readonly database: Database,
    readonly close: () => Promise<void>,
  ) {
    this.workspaces = new WorkspaceService(database, openAccount);
  }

  static async open(): Promise<IdentityHarness> {
    const { database, close } = await openTestDatabase();
    return new IdentityHarness(database, close);
  }

  /** A further process. `query` stands between it and the database; `clock` is its own where it is not the test's. */
  node({ query = (send) => send, clock = this.clock }: NodeOptions = {}): IdentityNode {
    const statements: string[] = [];
    const warnings: string[] = [];
    const { database } = this;
    const recorded: Database['query'] = (sql, parameters, name) => {
      statements.push(sql);
      return database.query(sql, parameters, name);
    };
    const watched: Database = {
      engine: database.engine,
      dataSource: database.dataSource,
      listen: database.listen,
      query: query(recorded),
      transaction: (work) => database.transaction(work),
      close: () => database.close(),
    };
    const bus = this.network.join();
    const notices = new IdentityNotices(bus);
    const lastUse = new LastUse(watched, clock, { warn: (_fields, message) => void warnings.push(message) });
    return {
      bus,
      notices,
      lastUse,
      statements,
      warnings,
      authenticator: new Authenticator({ database: watched, clock, notices, lastUse }),
      keys: new KeyService({ database: watched, clock, notices, maxApiKeys: (planId) => MAX_KEYS[planId] ?? null }),
      tokens: new ClientTokenService(watched, notices),
    };
  }

  /** A workspace on a plan, and its first key signed in. */
  async workspace(node: IdentityNode, planId = 'open'): Promise<{ secret: string; principal: Principal; id: string }> {
    const { secret, workspace } = await this.workspaces.create({ name: 'Acme', planId });
    return { secret, id: workspace.id, principal: await node.authenticator.authenticate(secret) };
  }

  /** Opens connections beforehand, so that what a test starts at once reaches the database at once. */
  async warmUp(connections: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.database.query('SELECT 1')));
  }

  /** Both clocks, which in production are one. */
  async advance(ms: number): Promise<void> {
    await moveClock(this.database, ms);
    this.clock.advance(ms);
  }
}

/** What a rejected call answered: its code, its fields and its message. */
export async function refusalOf(
  work: Promise<unknown> | (() => unknown),
): Promise<{ code: string; fields: unknown; message: string }> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    const { code, fields, message } = error as { code?: string; fields?: unknown; message: string };
    return { code: code ?? 'no code', fields, message };
  }
  return { code: 'none', fields: null, message: 'it was not refused' };
}
