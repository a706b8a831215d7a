import type { CreditBalance } from '../../../schema/types/credit-balance';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageUpdate } from '../../../schema/types/usage-update';
import type { ChangeFeed } from '../../analytics/change-feed';
import type { UsageFeed } from '../../analytics/usage-feed';
import type { Balances } from '../../billing/balances';
import type { PrincipalContext } from '../../identity/caller';
import type { UsageEventRow } from '../../ledger/usage-event';
import { abortableIterator } from '../../lib/abortable-iterator';
import { decodeCursor, encodeCursor } from '../../lib/cursors';
import { notFound } from '../../lib/errors';
import { balanceView } from '../views/balance-view';
import { OperationUsageView } from '../views/operation-usage-view';
import type { AccountOperations } from './account-operations';

/** Usage and balance as they change. */
export class LiveFeeds {
  /** Views of an event are made once for all subscribers of a workspace. */
  private readonly updates = new WeakMap<UsageEventRow, UsageUpdate>();

  constructor(
    private readonly usage: UsageFeed,
    private readonly changes: ChangeFeed,
    private readonly balances: Balances,
    private readonly account: AccountOperations,
  ) {}

  async usageUpdated(context: PrincipalContext, after: string | null): Promise<AsyncIterable<UsageUpdate>> {
    const { workspaceId, clientTokenId } = context.principal;
    const binding = { workspaceId, query: 'usageUpdated' };
    const [from] = decodeCursor(binding, after) ?? [];
    const feed = await this.usage.open(workspaceId, from === undefined ? null : BigInt(from));
    const update = (event: UsageEventRow): UsageUpdate =>
      clientTokenId === null ? this.updateOf(event) : this.makeUpdate(event, () => this.account.balance(context));
    return abortableIterator(async function* (): AsyncGenerator<UsageUpdate, void, void> {
      for await (const event of feed.events) {
        if (clientTokenId === null || event.client_token_id === clientTokenId) yield update(event);
      }
    }, feed.close);
  }

  async balanceChanged(context: PrincipalContext): Promise<AsyncIterable<CreditBalance>> {
    const { workspaceId, clientTokenId } = context.principal;
    const { changes, balances, account } = this;
    return abortableIterator(async function* (signal): AsyncGenerator<CreditBalance, void, void> {
      let last = '';
      for await (const version of changes.follow(workspaceId, signal)) {
        const shared = clientTokenId === null ? await balances.readShared(workspaceId, version) : null;
        if (clientTokenId === null && !shared) throw notFound('workspace');
        const balance = shared ? balanceView(shared, balances) : await account.balance(context);
        // Several causes can announce one change; what is sent again is only what differs.
        const content = JSON.stringify(balance);
        if (content === last) continue;
        last = content;
        yield balance;
      }
    });
  }

  private updateOf(event: UsageEventRow): UsageUpdate {
    let update = this.updates.get(event);
    if (!update) {
      let balance: Promise<CreditBalance> | null = null;
      update = this.makeUpdate(event, () => {
        balance ??= this.account.balanceOf(event.workspace_id);
        return balance;
      });
      this.updates.set(event, update);
    }
    return update;
  }

  private makeUpdate(event: UsageEventRow, balance: () => Promise<CreditBalance>): UsageUpdate {
    return {
      cursor: encodeCursor({ workspaceId: event.workspace_id, query: 'usageUpdated' }, [event.sequence]),
      usage: new OperationUsageView(event) as OperationUsage,
      balance,
    };
  }
}
