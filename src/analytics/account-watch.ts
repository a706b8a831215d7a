import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';
import type { ChangeFeed } from './change-feed';

const LOOK_MS = 2_000;

/** Notices changes of accounts that somebody watches, where no notification of them comes: it looks now and then. */
export class AccountWatch {
  private readonly seen = new Map<string, string>();
  private cancel: () => void = () => {};
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly changes: ChangeFeed,
  ) {}

  start(onError: (error: unknown) => void): void {
    if (this.stopped) return;
    this.cancel = this.clock.schedule(() => {
      this.look()
        .catch(onError)
        .finally(() => this.start(onError));
    }, LOOK_MS);
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  private async look(): Promise<void> {
    const watched = this.changes.watched();
    if (watched.length === 0) {
      this.seen.clear();
      return;
    }
    // xmin is another one after each change of the row.
    const { rows } = await this.database.query<{ workspace_id: string; version: string }>(
      'SELECT workspace_id, xmin::text AS version FROM accounts WHERE workspace_id = ANY ($1::uuid[])',
      [watched],
    );
    for (const { workspace_id, version } of rows) {
      const before = this.seen.get(workspace_id);
      this.seen.set(workspace_id, version);
      if (before !== undefined && before !== version) this.changes.changed(workspace_id);
    }
  }
}
