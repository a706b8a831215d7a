/**
 * What a payment provider does for a workspace that pays through it; one implementation for each provider, null in
 * its place where none is configured. Each call returns when the provider has acted and our own state has followed
 * (fetched from the provider and applied with `Subscriptions.applySnapshot`), so that the answer to the mutation
 * shows the new state without waiting for a webhook.
 */
export interface PaymentGateway {
  /**
   * Moves the workspace's subscription to another plan: a dearer one at once and prorated, a cheaper one at the end of
   * the period.
   * @throws AppError CONFLICT where the workspace has no subscription with this provider and needs a checkout first
   */
  changePlan(workspaceId: string, planId: string, idempotencyKey: string | null): Promise<void>;
  /** Ends the subscription at the end of its period. @throws AppError CONFLICT where there is none */
  cancel(workspaceId: string): Promise<void>;
  /** Takes `cancel`, or a move to a cheaper plan, back. @throws AppError CONFLICT where there is none */
  resume(workspaceId: string): Promise<void>;
  /**
   * The provider's invoices of the workspace, newest first; null: it does not pay through this provider, and the
   * caller lists our own books.
   * @param after the id of the last invoice of the page before, null for the first page
   */
  invoices(workspaceId: string, first: number, after: string | null): Promise<readonly BillingInvoice[] | null>;
}

/** An invoice as it is shown, whoever wrote it. */
export interface BillingInvoice {
  /** Stable, unique within the workspace. */
  readonly id: string;
  /** As people quote it; null while it is a draft. */
  readonly number: string | null;
  /** In the words of payment providers: draft, open, paid, uncollectible, void. */
  readonly status: string;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly lines: readonly BillingInvoiceLine[];
  /** USD x 10^10, whole cents. */
  readonly totalUsd: bigint;
  /** Where people see and pay it; null: nowhere. */
  readonly url: string | null;
  readonly createdAt: Date;
}

export interface BillingInvoiceLine {
  readonly description: string;
  /** Micro-units of what the line counts (credits or months, each x 10^6); null: the line is an amount alone. */
  readonly quantity: bigint | null;
  /** USD x 10^10 for one of what is counted. */
  readonly unitUsd: bigint | null;
  /** USD x 10^10, rounded once, half up, to a whole cent. */
  readonly amountUsd: bigint;
}
