import type { CreditBalance } from '../../../schema/types/credit-balance';
import type { ChangeFeed, ChangeWatch } from '../../analytics/change-feed';
import type { Clock } from '../../lib/clock';
import { type Entry, type EventLog, SharedEvents } from '../../lib/shared-events';

export interface LiveBalancesDependencies {
  readonly changes: ChangeFeed;
  /** The balance as it is at present; `version` is that of the change after which it is asked for. */
  readonly read: (workspaceId: string, version: number) => Promise<CreditBalance>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** A balance that was read less than this ago and of whose change nothing was heard is the present one. */
const FRESH_MS = 1_000;
/** What could not be read is tried again after this. */
const RETRY_MS = 1_000;

/** The balance of one workspace as it changes. Only the newest is kept: who was busy meanwhile needs no other. */
class BalanceLog implements EventLog<CreditBalance> {
  subscribers = 0;
  last = 0;
  private newest: Entry<CreditBalance> | null = null;
  private content = '';
  private readonly listeners = new Set<() => void>();
  private readonly watch: ChangeWatch;
  private looking: Promise<void> | null = null;
  /** Something has changed since the look under way began. */
  private again = false;
  private seenVersion = -1;
  private readAt = 0;

  constructor(
    private readonly workspaceId: string,
    private readonly dependencies: LiveBalancesDependencies,
  ) {
    this.watch = dependencies.changes.watch(workspaceId, () => this.lookAgain());
  }

  read(after: number): readonly Entry<CreditBalance>[] {
    return this.newest !== null && this.newest.position > after ? [this.newest] : [];
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Position before the present balance, which is known from then on. @throws what the reading throws */
  async present(): Promise<number> {
    const { clock } = this.dependencies;
    const known = this.newest !== null && this.seenVersion === this.watch.version;
    if (!known || clock.monotonic() - this.readAt >= FRESH_MS) await this.look();
    return this.last - 1;
  }

  close(): void {
    this.watch.stop();
  }

  private lookAgain(): void {
    this.again = true;
    if (!this.looking && this.subscribers > 0) this.look().catch(this.dependencies.onError);
  }

  /** One look for all who ask for it while it is under way; it goes on until nothing has changed meanwhile. */
  private look(): Promise<void> {
    this.looking ??= this.readUntilPresent();
    return this.looking;
  }

  private async readUntilPresent(): Promise<void> {
    const { read, clock } = this.dependencies;
    try {
      do {
        this.again = false;
        const { version } = this.watch;
        const readAt = clock.monotonic();
        const balance = await read(this.workspaceId, version);
        this.seenVersion = version;
        this.readAt = readAt;
        this.take(balance);
      } while (this.again);
    } catch (error) {
      clock.schedule(() => this.lookAgain(), RETRY_MS);
      throw error;
    } finally {
      // In the turn of the last look at `again`: a change from now on begins another look.
      this.looking = null;
    }
  }

  private take(balance: CreditBalance): void {
    // Several causes can announce one change; what is told again is only what differs.
    const content = JSON.stringify(balance);
    if (content === this.content) return;
    this.content = content;
    this.last += 1;
    this.newest = { position: this.last, event: balance };
    for (const listener of this.listeners) listener();
  }
}

/** Balances of workspaces that somebody follows, each read once for all who do. */
export class LiveBalances {
  private readonly logs = new Map<string, BalanceLog>();

  constructor(private readonly dependencies: LiveBalancesDependencies) {}

  /** The present balance at once, then each change. @throws what the first reading throws */
  async open(workspaceId: string): Promise<SharedEvents<CreditBalance>> {
    let log = this.logs.get(workspaceId);
    if (!log) {
      log = new BalanceLog(workspaceId, this.dependencies);
      this.logs.set(workspaceId, log);
    }
    const opened = log;
    const leave = (): void => {
      opened.subscribers -= 1;
      if (opened.subscribers > 0) return;
      this.logs.delete(workspaceId);
      opened.close();
    };
    opened.subscribers += 1;
    try {
      return new SharedEvents(opened, await opened.present(), leave);
    } catch (error) {
      leave();
      throw error;
    }
  }
}
