import type { Queryable } from '../db/database';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import {
  decision,
  type LimitedRequest,
  limitedRequests,
  NOTHING_LIMITED,
  type RequestWindows,
  reading,
  type WindowDecision,
  type WindowRequest,
  type WindowState,
  windowsUnavailable,
} from './request-windows';
import { type WindowStatementAnswer, windowStatement } from './window-statement';

const ADMIT = 'SELECT rate_windows_admit($1::jsonb) AS answer';
/** Rows that another process deletes are left to it, so that two never wait for each other. */
const DELETE_OLD = `
  DELETE FROM rate_windows WHERE (key, minute) IN (
    SELECT key, minute FROM rate_windows
    WHERE minute < floor(extract(epoch FROM ledger_now()) / 60) - 5
    LIMIT 50000 FOR UPDATE SKIP LOCKED)`;
const GROUP_MOST = 500;
const ANSWER_MS = 5_000;
const DELETE_EVERY_MS = 5 * 60_000;

interface Waiting {
  readonly requests: readonly LimitedRequest[];
  readonly resolve: (decision: WindowDecision) => void;
  readonly reject: (error: unknown) => void;
}

export interface WindowsLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/**
 * Windows that all processes on one PostgreSQL share. Documents that wait while a statement is under way go together
 * in the next one, so one busy account costs one row lock for each group and not for each document.
 *
 * A statement whose answer does not come in 5 s refuses its documents; it may have counted them nevertheless.
 */
export class PostgresWindows implements RequestWindows {
  private waiting: Waiting[] = [];
  private draining = false;
  private deletedAt: number;

  constructor(
    private readonly database: Queryable,
    private readonly clock: Clock,
    private readonly log: WindowsLog,
  ) {
    this.deletedAt = clock.monotonic();
  }

  async admit(requests: readonly WindowRequest[]): Promise<WindowDecision> {
    const limited = limitedRequests(requests);
    if (limited.length === 0) return NOTHING_LIMITED;
    return new Promise((resolve, reject) => {
      this.waiting.push({ requests: limited, resolve, reject });
      if (!this.draining) {
        this.draining = true;
        void this.drain();
      }
    });
  }

  async peek(windows: readonly Omit<WindowRequest, 'cost'>[]): Promise<readonly WindowState[]> {
    return (await this.admit(reading(windows))).windows;
  }

  private async drain(): Promise<void> {
    // What arrives in the same turn of the event loop goes together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, GROUP_MOST);
      try {
        this.answer(group, await this.send(group));
      } catch (error) {
        for (const { reject } of group) reject(windowsUnavailable(error));
      }
    }
    this.draining = false;
    this.deleteOldWindows();
  }

  private async send(group: readonly Waiting[]): Promise<WindowStatementAnswer> {
    const statement = JSON.stringify(windowStatement(group.map(({ requests }) => requests)));
    const query = this.database.query<{ answer: WindowStatementAnswer }>(ADMIT, [statement], 'rate_windows_admit');
    const { rows } = await withDeadline(query, ANSWER_MS, this.clock, 'Counting requests');
    return rows[0]!.answer;
  }

  private answer(group: readonly Waiting[], { nowMs, admitted, used }: WindowStatementAnswer): void {
    let first = 0;
    for (const [n, { requests, resolve }] of group.entries()) {
      const next = first + requests.length;
      resolve(decision(requests, admitted[n]!, used.slice(first, next), nowMs));
      first = next;
    }
  }

  /** Beside the requests: nobody waits for it, and a failure costs only space until the next time. */
  private deleteOldWindows(): void {
    const now = this.clock.monotonic();
    if (now - this.deletedAt < DELETE_EVERY_MS) return;
    this.deletedAt = now;
    this.database.query(DELETE_OLD).catch((error: unknown) => {
      this.log.warn({ err: error }, 'old request windows could not be deleted');
    });
  }
}
