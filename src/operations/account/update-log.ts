import type { CreditBalance } from '../../../schema/types/credit-balance';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageUpdate } from '../../../schema/types/usage-update';
import type { UsageEventRow } from '../../ledger/usage-event';
import { type CursorBinding, encodeCursor } from '../../lib/cursors';
import type { Entry, EventLog } from '../../lib/shared-events';
import { OperationUsageView } from '../views/operation-usage-view';

/** A balance that is being read, and the event that had settled when the reading began. */
interface Reading {
  readonly since: number;
  readonly balance: Promise<CreditBalance>;
}

/**
 * The settled events of a workspace as its API keys see them. The view of an event is made once, for as long as the
 * event is in memory, and events that are read together share one look at the balance.
 */
export class UpdateLog implements EventLog<UsageUpdate> {
  private readonly entries = new WeakMap<UsageEventRow, Entry<UsageUpdate>>();
  private reading: Reading | null = null;

  constructor(
    private readonly events: EventLog<UsageEventRow>,
    private readonly balanceOf: (workspaceId: string) => Promise<CreditBalance>,
  ) {}

  get last(): number {
    return this.events.last;
  }

  read(after: number): readonly Entry<UsageUpdate>[] | Promise<readonly Entry<UsageUpdate>[]> {
    const page = this.events.read(after);
    return page instanceof Promise ? page.then((entries) => this.viewsOf(entries)) : this.viewsOf(page);
  }

  listen(listener: () => void): () => void {
    return this.events.listen(listener);
  }

  private viewsOf(entries: readonly Entry<UsageEventRow>[]): Entry<UsageUpdate>[] {
    return entries.map((entry) => this.viewOf(entry));
  }

  private viewOf({ position, event }: Entry<UsageEventRow>): Entry<UsageUpdate> {
    let entry = this.entries.get(event);
    if (!entry) {
      let balance: Promise<CreditBalance> | null = null;
      const update = makeUpdate(event, () => {
        if (balance) return balance;
        const reading = this.balanceAfter(position, event.workspace_id);
        balance = reading;
        // Whoever asks after a failure may have more luck.
        reading.catch(() => {
          balance = null;
        });
        return reading;
      });
      entry = { position, event: update };
      this.entries.set(event, entry);
    }
    return entry;
  }

  /** What can be spent after an event; a reading that began when the event had settled serves for it. */
  private balanceAfter(position: number, workspaceId: string): Promise<CreditBalance> {
    if (this.reading && this.reading.since >= position) return this.reading.balance;
    const reading: Reading = {
      since: Math.max(position, this.last),
      balance: this.balanceOf(workspaceId).finally(() => {
        if (this.reading === reading) this.reading = null;
      }),
    };
    this.reading = reading;
    return reading.balance;
  }
}

export const updateBinding = (workspaceId: string): CursorBinding => ({ workspaceId, query: 'usageUpdated' });

/** What a subscriber is told of an event. */
export const makeUpdate = (event: UsageEventRow, balance: () => Promise<CreditBalance>): UsageUpdate => ({
  cursor: encodeCursor(updateBinding(event.workspace_id), [event.sequence]),
  usage: new OperationUsageView(event) as OperationUsage,
  balance,
});
