import type Stripe from 'stripe';
import type { Database, Queryable } from '../../db/database';
import { formatCredits, MICRO_PER_CREDIT, type MicroCredits, micro } from '../../lib/credits';
import type { BillingAccounts } from '../accounts';
import type { StripeCustomers } from './stripe-customers';
import { type EventRecord, recordEvent } from './stripe-events';
import { calling, isMissing } from './stripe-failures';

/** Metadata of the payment of a top-up; nobody but us can write it. */
export interface TopUpMetadata {
  readonly workspace: string;
  /** Whole credits. */
  readonly top_up_credits: string;
  readonly [name: string]: string;
}

/** What Stripe says of one payment. */
interface TopUpState {
  readonly workspaceId: string;
  readonly credits: MicroCredits;
  readonly paid: boolean;
  /** Share of the payment that went back, in cents. */
  readonly lostCents: bigint;
  readonly paidCents: bigint;
}

/** Disputes in which the money stayed, or came back. */
const HARMLESS_DISPUTES: ReadonlySet<string> = new Set([
  'won',
  'prevented',
  'warning_needs_response',
  'warning_under_review',
  'warning_closed',
]);

/**
 * Top-ups that were paid through Stripe, and those whose payment went back. A refund takes back its share of the
 * credits, and so does a dispute when it is opened, as Stripe takes the money at that moment: as far as they are
 * unspent and no running operation needs them. A dispute that is won gives them back. Only the payment's present state
 * counts, so that its events may come in any order.
 */
export class TopUpPayments {
  constructor(
    private readonly dependencies: {
      readonly database: Database;
      readonly stripe: Stripe.Stripe;
      readonly customers: StripeCustomers;
      readonly accounts: BillingAccounts;
    },
  ) {}

  /**
   * Fetches the present state of a payment and brings the credits in line with it; `event` is recorded in the same
   * transaction. Answers false for a payment that is no top-up of ours, which changes nothing.
   */
  async follow(paymentIntentId: string, event: EventRecord): Promise<boolean> {
    const { database, accounts } = this.dependencies;
    const workspaceId = await calling(() => this.ownerOf(paymentIntentId));
    if (workspaceId === null) return false;
    const ticket = await this.takeTicket(paymentIntentId, workspaceId);
    const state = await calling(() => this.read(paymentIntentId));
    const changed = await database.transaction(async (tx) => {
      if (!(await recordEvent(tx, event))) return false;
      const { rowCount } = await tx.query(
        'UPDATE stripe_top_ups SET applied_ticket = $2 WHERE payment_intent_id = $1 AND applied_ticket < $2',
        [paymentIntentId, ticket.toString()],
      );
      if (rowCount === 0 || !state?.paid) return false;
      return this.apply(tx, paymentIntentId, state);
    });
    if (changed) accounts.announce(workspaceId, false);
    return true;
  }

  private async apply(tx: Queryable, paymentIntentId: string, state: TopUpState): Promise<boolean> {
    const { accounts } = this.dependencies;
    const { workspaceId, credits } = state;
    const key = `stripe-${paymentIntentId}`;
    const grant = await accounts.grantIn(tx, {
      workspaceId,
      kind: 'TOP_UP',
      credits,
      reason: `top-up of ${formatCredits(credits)} credits`,
      expiresAt: null,
      idempotencyKey: key,
    });
    const { rowCount } = await tx.query(
      'UPDATE stripe_top_ups SET grant_id = $2 WHERE payment_intent_id = $1 AND grant_id IS NULL',
      [paymentIntentId, grant.id],
    );
    const { lostCents, paidCents } = state;
    // Rounded down to a micro-credit: nobody loses credits for which the money did not go back.
    const goal =
      paidCents === 0n || lostCents >= paidCents ? (lostCents > 0n ? credits : 0n) : (credits * lostCents) / paidCents;
    const grants = await grantsOf(tx, workspaceId, key);
    const missing = goal - grants.reduce((sum, { revoked }) => sum + revoked, 0n);
    if (missing > 0n) return (await this.takeBack(tx, workspaceId, grants, missing)) || rowCount > 0;
    if (missing < 0n && !grants[0]!.over) {
      await accounts.grantIn(tx, {
        workspaceId,
        kind: 'ADJUSTMENT',
        credits: micro(-missing),
        reason: 'credits of a top-up whose payment came back',
        expiresAt: grant.expires_at,
        idempotencyKey: `${key}-back-${grants.length}`,
      });
      return true;
    }
    return rowCount > 0;
  }

  private async takeBack(
    tx: Queryable,
    workspaceId: string,
    grants: readonly { readonly key: string }[],
    credits: bigint,
  ): Promise<boolean> {
    let left = credits;
    for (const { key } of grants) {
      if (left > 0n) left -= await this.dependencies.accounts.revokeIn(tx, workspaceId, key, left);
    }
    return left < credits;
  }

  /** The workspace that a payment tops up; null: it is no top-up of ours. */
  private async ownerOf(paymentIntentId: string): Promise<string | null> {
    const known = await this.dependencies.database.query<{ workspace_id: string }>(
      'SELECT workspace_id FROM stripe_top_ups WHERE payment_intent_id = $1',
      [paymentIntentId],
    );
    return known.rows[0]?.workspace_id ?? (await this.read(paymentIntentId))?.workspaceId ?? null;
  }

  private async takeTicket(paymentIntentId: string, workspaceId: string): Promise<bigint> {
    const { rows } = await this.dependencies.database.query<{ ticket: string }>(
      `INSERT INTO stripe_top_ups AS t (payment_intent_id, workspace_id, ticket) VALUES ($1, $2, 1)
       ON CONFLICT (payment_intent_id) DO UPDATE SET ticket = t.ticket + 1 RETURNING ticket`,
      [paymentIntentId, workspaceId],
    );
    return BigInt(rows[0]!.ticket);
  }

  private async read(paymentIntentId: string): Promise<TopUpState | null> {
    const { stripe, customers } = this.dependencies;
    let payment: Stripe.PaymentIntent;
    try {
      payment = await stripe.paymentIntents.retrieve(paymentIntentId, { expand: ['latest_charge'] });
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    const { workspace, top_up_credits: credits } = payment.metadata as Partial<TopUpMetadata>;
    const customerId = idOf(payment.customer);
    if (!workspace || !/^\d{1,12}$/.test(credits ?? '') || customerId === null) return null;
    if ((await customers.workspaceOf(customerId)) !== workspace) return null;
    const charge = typeof payment.latest_charge === 'string' ? null : payment.latest_charge;
    let lostCents = BigInt(charge?.amount_refunded ?? 0);
    if (charge?.disputed) {
      const { data } = await stripe.disputes.list({ payment_intent: paymentIntentId, limit: 100 });
      for (const dispute of data) if (!HARMLESS_DISPUTES.has(dispute.status)) lostCents += BigInt(dispute.amount);
    }
    return {
      workspaceId: workspace,
      credits: micro(BigInt(credits!) * MICRO_PER_CREDIT),
      paid: payment.status === 'succeeded',
      paidCents: BigInt(payment.amount_received),
      lostCents,
    };
  }
}

/** The id of an object that Stripe gives as its id or whole. */
export const idOf = (object: string | { readonly id: string } | null | undefined): string | null =>
  object == null ? null : typeof object === 'string' ? object : object.id;

/** The grant of a payment, then those that gave credits back, which count as so much less revoked. */
async function grantsOf(
  tx: Queryable,
  workspaceId: string,
  key: string,
): Promise<readonly { readonly key: string; readonly revoked: bigint; readonly over: boolean }[]> {
  const { rows } = await tx.query<{ key: string; revoked: string; over: boolean | null }>(
    `SELECT idempotency_key AS key, CASE WHEN idempotency_key = $2 THEN revoked ELSE revoked - credits END AS revoked,
       expires_at <= ledger_now() AS over
     FROM grants WHERE workspace_id = $1
       AND (idempotency_key = $2 OR starts_with(idempotency_key, $2 || '-back-'))
     ORDER BY created_at, id`,
    [workspaceId, key],
  );
  return rows.map((row) => ({ key: row.key, revoked: BigInt(row.revoked), over: row.over === true }));
}
