import type { Ledger, ReserveOutcome, ReserveRequest, SettleOutcome, SettleRequest } from '../src/ledger/entries';
import { micro, ZERO } from '../src/lib/credits';

/**
 * A ledger that admits everything and keeps nothing: what the same server does when nothing is metered. It is the
 * measure against which metering is measured, and no part of the server.
 */
export class MemoryLedger implements Ledger {
  private sequence = 0n;

  async reserve(request: ReserveRequest): Promise<ReserveOutcome> {
    return { outcome: 'HELD', credits: request.listCredits, overage: ZERO, allowance: 0 };
  }

  async settle(request: SettleRequest): Promise<SettleOutcome> {
    this.sequence += 1n;
    return {
      outcome: 'SETTLED',
      sequence: this.sequence,
      credits: request.credits,
      overage: ZERO,
      allowance: 0,
      balance: micro(1_000_000n),
      costUsdE10: request.credits * 10n,
      settledAt: new Date(),
    };
  }
}
