import type { CreditBalance } from '../../../schema/types/credit-balance';
import type { UsageUpdate } from '../../../schema/types/usage-update';
import type { ChangeFeed } from '../../analytics/change-feed';
import type { UsageFeed } from '../../analytics/usage-feed';
import type { Balances } from '../../billing/balances';
import type { PrincipalContext } from '../../identity/caller';
import type { UsageEventRow } from '../../ledger/usage-event';
import { abortableIterator } from '../../lib/abortable-iterator';
import type { Clock } from '../../lib/clock';
import { decodeCursor, foreignCursor } from '../../lib/cursors';
import { notFound } from '../../lib/errors';
import { type EventLog, followLog, SharedEvents } from '../../lib/shared-events';
import { balanceView } from '../views/balance-view';
import type { AccountOperations } from './account-operations';
import { LiveBalances } from './live-balances';
import { makeUpdate, UpdateLog, updateBinding } from './update-log';

export interface LiveFeedsDependencies {
  readonly usage: UsageFeed;
  readonly changes: ChangeFeed;
  readonly balances: Balances;
  readonly account: AccountOperations;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/**
 * Usage and balance as they change. What API keys see is the same for their whole workspace, and so shared; a client
 * token sees its own alone.
 */
export class LiveFeeds {
  private readonly updates = new WeakMap<EventLog<UsageEventRow>, UpdateLog>();
  private readonly liveBalances: LiveBalances;

  constructor(private readonly dependencies: LiveFeedsDependencies) {
    const { changes, clock, onError } = dependencies;
    this.liveBalances = new LiveBalances({
      changes,
      clock,
      onError,
      read: (workspaceId, version) => this.readBalance(workspaceId, version),
    });
  }

  /** @throws AppError BAD_USER_INPUT (a cursor of something else) or RESUME_EXPIRED. */
  async usageUpdated(context: PrincipalContext, after: string | null): Promise<AsyncIterable<UsageUpdate>> {
    const { usage, account } = this.dependencies;
    const { workspaceId, clientTokenId } = context.principal;
    const feed = await usage.open(workspaceId, sequenceOf(workspaceId, after));
    if (clientTokenId === null) return new SharedEvents(this.updatesOf(feed.log), feed.after, feed.close);
    return abortableIterator(async function* (signal): AsyncGenerator<UsageUpdate, void, void> {
      for await (const event of followLog(feed.log, feed.after, signal)) {
        if (event.client_token_id === clientTokenId) yield makeUpdate(event, () => account.balance(context));
      }
    }, feed.close);
  }

  async balanceChanged(context: PrincipalContext): Promise<AsyncIterable<CreditBalance>> {
    const { changes, account } = this.dependencies;
    const { workspaceId, clientTokenId } = context.principal;
    if (clientTokenId === null) return this.liveBalances.open(workspaceId);
    return abortableIterator(async function* (signal): AsyncGenerator<CreditBalance, void, void> {
      let last = '';
      for await (const _version of changes.follow(workspaceId, signal)) {
        const balance = await account.balance(context);
        // Most changes of a workspace are not the token's.
        const content = JSON.stringify(balance);
        if (content === last) continue;
        last = content;
        yield balance;
      }
    });
  }

  private async readBalance(workspaceId: string, version: number): Promise<CreditBalance> {
    const { balances } = this.dependencies;
    const balance = await balances.readShared(workspaceId, version);
    if (!balance) throw notFound('workspace');
    return balanceView(balance, balances);
  }

  private updatesOf(log: EventLog<UsageEventRow>): UpdateLog {
    let updates = this.updates.get(log);
    if (!updates) {
      updates = new UpdateLog(log, (workspaceId) => this.dependencies.account.balanceOf(workspaceId));
      this.updates.set(log, updates);
    }
    return updates;
  }
}

/** null without a cursor. @throws AppError BAD_USER_INPUT */
function sequenceOf(workspaceId: string, after: string | null): number | null {
  const place = decodeCursor(updateBinding(workspaceId), after);
  if (place === null) return null;
  const sequence = Number(place[0]);
  if (place.length !== 1 || !Number.isSafeInteger(sequence) || sequence < 1) throw foreignCursor();
  return sequence;
}
