import type { Database } from '../db/database';

/**
 * Which workspaces have an enabled rule, kept in memory so that the others cost nothing. A workspace too many is found
 * out when it is looked at; one too few is added by the notice of the change of its rule, or by the next reading.
 */
export class RuledWorkspaces {
  /** The count at the time of each one's latest notice. */
  private readonly ruled = new Map<string, number>();
  private notices = 0;

  constructor(private readonly database: Database) {}

  has(workspaceId: string): boolean {
    return this.ruled.has(workspaceId);
  }

  /** A rule of this workspace was changed, here or elsewhere. */
  add(workspaceId: string): void {
    this.notices += 1;
    this.ruled.set(workspaceId, this.notices);
  }

  /** For `forget`: taken before looking whether there are rules. */
  get moment(): number {
    return this.notices;
  }

  /** The workspace had no rule at that moment; a later notice stands. */
  forget(workspaceId: string, moment: number): void {
    const noticed = this.ruled.get(workspaceId);
    if (noticed !== undefined && noticed <= moment) this.ruled.delete(workspaceId);
  }

  /** Reads them all anew. */
  async read(): Promise<void> {
    const { moment } = this;
    const { rows } = await this.database.query<{ workspace_id: string }>(
      'SELECT DISTINCT workspace_id FROM alert_rules WHERE enabled',
    );
    const found = new Set(rows.map(({ workspace_id }) => workspace_id));
    for (const workspaceId of this.ruled.keys()) if (!found.has(workspaceId)) this.forget(workspaceId, moment);
    for (const workspaceId of found) if (!this.ruled.has(workspaceId)) this.ruled.set(workspaceId, moment);
  }
}
