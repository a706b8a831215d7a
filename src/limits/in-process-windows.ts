import type { Clock } from '../lib/clock';
import {
  decision,
  limitedRequests,
  MINUTE_MS,
  NOTHING_LIMITED,
  type RequestWindows,
  reading,
  type WindowDecision,
  type WindowRequest,
  type WindowState,
} from './request-windows';

/** The windows of a server that is one process. Keeps the current minute alone. */
export class InProcessWindows implements RequestWindows {
  private minute = 0;
  private readonly used = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  async admit(requests: readonly WindowRequest[]): Promise<WindowDecision> {
    const limited = limitedRequests(requests);
    if (limited.length === 0) return NOTHING_LIMITED;
    const nowMs = this.enterMinute();
    const admitted = limited.every(({ key, cost, limit }) => cost === 0 || this.usedOf(key) + cost <= limit);
    if (admitted) {
      for (const { key, cost } of limited) if (cost > 0) this.used.set(key, this.usedOf(key) + cost);
    }
    const used = limited.map(({ key }) => this.usedOf(key));
    return decision(limited, admitted, used, nowMs);
  }

  async peek(windows: readonly Omit<WindowRequest, 'cost'>[]): Promise<readonly WindowState[]> {
    return (await this.admit(reading(windows))).windows;
  }

  /** A clock that was set back does not open the same minute twice: time stands still until it has caught up. */
  private enterMinute(): number {
    const nowMs = Math.max(this.clock.now(), this.minute * MINUTE_MS);
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute > this.minute) {
      this.minute = minute;
      this.used.clear();
    }
    return nowMs;
  }

  private usedOf(key: string): number {
    return this.used.get(key) ?? 0;
  }
}
