import type { Database } from '../db/database';

/** What a client token may spend, at list price. Micro-credits. */
export interface ClientTokenBudget {
  readonly budget: bigint;
  readonly spent: bigint;
  readonly held: bigint;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export class ClientTokenBudgets {
  constructor(private readonly database: Database) {}

  async read(clientTokenId: string): Promise<ClientTokenBudget | null> {
    const { rows } = await this.database.query<{
      budget: string;
      spent: string;
      held: string;
      created_at: Date;
      expires_at: Date;
    }>(
      'SELECT budget, spent, held, created_at, expires_at FROM client_tokens WHERE id = $1',
      [clientTokenId],
      'client_token_budget',
    );
    const row = rows[0];
    return row
      ? {
          budget: BigInt(row.budget),
          spent: BigInt(row.spent),
          held: BigInt(row.held),
          createdAt: row.created_at,
          expiresAt: row.expires_at,
        }
      : null;
  }
}
