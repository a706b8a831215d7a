import type { ChangeFeed } from '../analytics/change-feed';
import { abortableIterator } from '../lib/abortable-iterator';
import { AppError } from '../lib/errors';
import type { AlertRow } from './alert-kinds';
import type { AlertLog } from './alert-log';

const PAGE = 100;
/** Alerts can be asked for again for so long. */
const RESUME_SECONDS = 24 * 3_600;

/**
 * Alerts as they are raised, on whichever server: in order and each once, for any number of subscribers. They are read
 * from the database when a change is told, once for all who wait at the same place.
 */
export class AlertFeed {
  private readonly reading = new Map<string, Promise<AlertRow[]>>();

  constructor(
    private readonly log: AlertLog,
    private readonly changes: ChangeFeed,
  ) {}

  /** Alerts of a workspace were raised, here or elsewhere. */
  raised(workspaceId: string): void {
    this.changes.changed(workspaceId);
  }

  /** What was raised elsewhere may not have been told. */
  missed(): void {
    this.changes.changedEverywhere();
  }

  /**
   * Alerts after a sequence, or from now on, each as `view` shows it. Resolves when nothing that is raised from then on
   * can be missed.
   * @throws AppError RESUME_EXPIRED when the alert of the sequence is too old.
   */
  async open<View>(
    workspaceId: string,
    after: bigint | null,
    view: (alert: AlertRow) => View,
  ): Promise<AsyncIterableIterator<View>> {
    if (after !== null && !(await this.log.isWithin(workspaceId, after, RESUME_SECONDS))) {
      throw new AppError(
        'RESUME_EXPIRED',
        'This cursor is older than 24 hours; read alerts and subscribe without after.',
      );
    }
    let seen = after ?? (await this.log.lastSequence(workspaceId));
    const { changes } = this;
    const read = this.readShared.bind(this, workspaceId);
    return abortableIterator(async function* (signal): AsyncGenerator<View, void, void> {
      for await (const version of changes.follow(workspaceId, signal)) {
        let page: AlertRow[];
        do {
          page = await read(seen, version);
          for (const alert of page) {
            if (signal.aborted) return;
            seen = BigInt(alert.sequence);
            yield view(alert);
          }
        } while (page.length === PAGE);
      }
    });
  }

  /** Shares one read among all who are at the same place and have seen the same change. */
  private readShared(workspaceId: string, seen: bigint, version: number): Promise<AlertRow[]> {
    const key = `${workspaceId}:${seen}:${version}`;
    let reading = this.reading.get(key);
    if (!reading) {
      reading = this.log.after(workspaceId, seen, PAGE).finally(() => this.reading.delete(key));
      this.reading.set(key, reading);
    }
    return reading;
  }
}
