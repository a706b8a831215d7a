import type { Queryable } from '../db/database';
import type { Spending } from './facts';

const DAY_MS = 86_400_000;
const DAYS = 7;
/** By then whatever settled before midnight is committed. */
const SETTLED_MS = 300_000;

/** What workspaces used on the 7 whole UTC days before today: a day that is over is read once. */
export class SpendingDays {
  private readonly known = new Map<string, { readonly today: number; readonly days: readonly Spending[] }>();

  /** Oldest first, days without usage included. */
  async before(from: Queryable, workspaceId: string, now: Date): Promise<readonly Spending[]> {
    const today = Math.floor(now.getTime() / DAY_MS);
    const known = this.known.get(workspaceId);
    if (known?.today === today) return known.days;
    const { rows } = await from.query<{ day: number; credits: string; audio_milliseconds: string }>(
      `SELECT floor(extract(epoch FROM quarter) / 86400)::integer AS day, sum(credits)::text AS credits,
         sum(audio_milliseconds)::text AS audio_milliseconds
       FROM usage_quarters WHERE workspace_id = $1 AND quarter >= $2 AND quarter < $3 GROUP BY 1`,
      [workspaceId, new Date((today - DAYS) * DAY_MS), new Date(today * DAY_MS)],
      'alert_days',
    );
    const sums = new Map(rows.map((row) => [row.day, row]));
    const days = Array.from({ length: DAYS }, (_, index) => {
      const sum = sums.get(today - DAYS + index);
      return { credits: BigInt(sum?.credits ?? 0), audioMilliseconds: BigInt(sum?.audio_milliseconds ?? 0) };
    });
    if (now.getTime() - today * DAY_MS >= SETTLED_MS) this.known.set(workspaceId, { today, days });
    return days;
  }

  /** Drops what is of another day than this moment's. */
  forgetBefore(now: number): void {
    const today = Math.floor(now / DAY_MS);
    for (const [workspaceId, known] of this.known) {
      if (known.today !== today) this.known.delete(workspaceId);
    }
  }
}
