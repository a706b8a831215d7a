import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import type { Database } from '../../db/database';
import { notFound } from '../../lib/errors';
import { calling } from './stripe-failures';

/** A turn to fetch the present state; a higher number was taken later. */
export interface Ticket {
  readonly customerId: string;
  readonly number: bigint;
  /** By the database's clock. */
  readonly takenAt: Date;
}

/** Which Stripe customer pays for which workspace: one each, whoever asks first. */
export class StripeCustomers {
  constructor(
    private readonly database: Database,
    private readonly stripe: Stripe.Stripe,
  ) {}

  async find(workspaceId: string): Promise<string | null> {
    const { rows } = await this.database.query<{ customer_id: string }>(
      'SELECT customer_id FROM stripe_customers WHERE workspace_id = $1',
      [workspaceId],
    );
    return rows[0]?.customer_id ?? null;
  }

  /** The workspace of a customer; null: the customer is none of ours. */
  async workspaceOf(customerId: string): Promise<string | null> {
    const { rows } = await this.database.query<{ workspace_id: string }>(
      'SELECT workspace_id FROM stripe_customers WHERE customer_id = $1',
      [customerId],
    );
    return rows[0]?.workspace_id ?? null;
  }

  /**
   * The workspace's customer, made when there is none. Two who ask at once send Stripe the same idempotency key and get
   * the same customer; whatever Stripe answers, the one that is written first is the one that is used.
   */
  async ensure(workspaceId: string): Promise<string> {
    const known = await this.find(workspaceId);
    if (known) return known;
    const { rows } = await this.database.query<{ name: string }>('SELECT name FROM workspaces WHERE id = $1', [
      workspaceId,
    ]);
    const name = rows[0]?.name;
    if (name === undefined) throw notFound('workspace');
    const customer = await calling(() =>
      this.stripe.customers.create(
        { name, metadata: { workspace: workspaceId } },
        { idempotencyKey: `customer-${createHash('sha256').update(`${workspaceId}\0${name}`).digest('hex')}` },
      ),
    );
    await this.database.query(
      'INSERT INTO stripe_customers (workspace_id, customer_id) VALUES ($1, $2) ON CONFLICT (workspace_id) DO NOTHING',
      [workspaceId, customer.id],
    );
    return (await this.find(workspaceId))!;
  }

  /** Taken, and committed, before Stripe is asked. null: the workspace has no customer. */
  async takeTicket(workspaceId: string): Promise<Ticket | null> {
    const { rows } = await this.database.query<{ customer_id: string; ticket: string; now: Date }>(
      `UPDATE stripe_customers SET ticket = ticket + 1 WHERE workspace_id = $1
       RETURNING customer_id, ticket, date_trunc('milliseconds', ledger_now()) AS now`,
      [workspaceId],
    );
    const row = rows[0];
    return row ? { customerId: row.customer_id, number: BigInt(row.ticket), takenAt: row.now } : null;
  }

  /** Every workspace that has a customer, a page at a time, in the order of their ids. */
  async list(after: string | null, limit: number): Promise<readonly string[]> {
    const { rows } = await this.database.query<{ workspace_id: string }>(
      `SELECT workspace_id FROM stripe_customers WHERE $1::uuid IS NULL OR workspace_id > $1 ORDER BY workspace_id LIMIT $2`,
      [after, limit],
    );
    return rows.map((row) => row.workspace_id);
  }
}
