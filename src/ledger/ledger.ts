import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';
import { micro } from '../lib/credits';
import type { Ledger, ReserveOutcome, ReserveRequest, SettleOutcome, SettleRequest } from './entries';
import { type CommitRow, GroupCommit } from './group-commit';
import { LEASE_SECONDS, Leases } from './leases';

export interface LedgerDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** This server process, as owner of its leases. */
  readonly owner: string;
  /** Handles grants that ran out and periods that ended, for one account. */
  readonly roll: (workspaceId: string) => Promise<void>;
}

/** The ledger over PostgreSQL. */
export class PostgresLedger implements Ledger {
  private readonly group: GroupCommit;
  readonly leases: Leases;

  constructor(private readonly dependencies: LedgerDependencies) {
    const { database, clock, owner } = dependencies;
    this.group = new GroupCommit(database, clock, owner, LEASE_SECONDS);
    this.leases = new Leases(database, clock, owner);
  }

  async reserve(request: ReserveRequest): Promise<ReserveOutcome> {
    let row = await this.group.submit(reserveItem(request, false));
    if (row.o_outcome === 'ROLL') {
      await this.dependencies.roll(request.workspaceId);
      row = await this.group.submit(reserveItem(request, true));
    }
    const outcome = reserveOutcome(row);
    if (outcome.outcome === 'HELD') this.leases.add(request.operationId);
    return outcome;
  }

  async settle(request: SettleRequest): Promise<SettleOutcome> {
    try {
      const row = await this.group.submit(settleItem(request));
      if (row.o_outcome !== 'SETTLED') return { outcome: 'EXPIRED' };
      return {
        outcome: 'SETTLED',
        sequence: BigInt(row.o_sequence!),
        credits: micro(row.o_credits),
        overage: micro(row.o_overage),
        allowance: Number(row.o_allowance),
        balance: micro(row.o_balance),
        costUsdE10: BigInt(row.o_cost),
        settledAt: row.o_settled_at!,
      };
    } finally {
      // Whatever the answer, this process no longer keeps the hold alive.
      this.leases.remove(request.operationId);
    }
  }
}

function reserveItem(request: ReserveRequest, rolled: boolean) {
  const { idempotency } = request;
  return {
    kind: 'reserve' as const,
    n: 0,
    operation_id: request.operationId,
    workspace_id: request.workspaceId,
    credits: request.credits.toString(),
    units: request.units,
    rate: request.rate?.toString() ?? null,
    per: request.per,
    allowance_eligible: request.allowanceEligible,
    allowance_only: request.allowanceOnly,
    max_credits: request.maxCredits?.toString() ?? null,
    at_least: request.atLeast?.toString(),
    client_token_id: request.clientTokenId,
    token_amount: request.listCredits.toString(),
    key_operation: idempotency?.operation ?? null,
    key: idempotency?.key ?? null,
    input_hash: idempotency?.inputHash ?? null,
    rerun_aborted: idempotency?.rerunAborted ?? false,
    rolled,
    details: request.details,
  };
}

/** Written out: spreading an object of this size is many times slower. */
function settleItem({ operationId, workspaceId, credits, allowance, listCredits, event }: SettleRequest) {
  return {
    kind: 'settle' as const,
    n: 0,
    operation_id: operationId,
    workspace_id: workspaceId,
    credits: credits.toString(),
    allowance,
    token_amount: listCredits.toString(),
    capability: event.capability,
    status: event.status,
    error_code: event.error_code,
    provider_id: event.provider_id,
    model: event.model,
    credential: event.credential,
    voice_id: event.voice_id,
    voice_name: event.voice_name,
    language: event.language,
    style: event.style,
    quality: event.quality,
    api_key_id: event.api_key_id,
    client_token_id: event.client_token_id,
    end_user_id: event.end_user_id,
    metadata: event.metadata,
    characters: event.characters,
    input_tokens: event.input_tokens,
    output_tokens: event.output_tokens,
    audio_milliseconds: event.audio_milliseconds,
    requests: event.requests,
    estimated_credits: event.estimated_credits,
    estimated_audio_milliseconds: event.estimated_audio_milliseconds,
    attempts: event.attempts,
    artifact: event.artifact,
    provider_count: event.provider_count,
    latency_ms: event.latency_ms,
    rate_card_version: event.rate_card_version,
  };
}

function reserveOutcome(row: CommitRow): ReserveOutcome {
  switch (row.o_outcome) {
    case 'HELD':
      return {
        outcome: 'HELD',
        credits: micro(row.o_credits),
        overage: micro(row.o_overage),
        allowance: Number(row.o_allowance),
      };
    case 'RUNNING':
    case 'REPLAY':
    case 'ABORTED':
      return { outcome: row.o_outcome, operationId: row.o_other! };
    case 'CONFLICT':
    case 'NO_ACCOUNT':
    case 'TOKEN_ENDED':
      return { outcome: row.o_outcome };
    case 'INSUFFICIENT':
    case 'OVERAGE_LIMIT':
    case 'MAX_CREDITS':
    case 'TOKEN_LIMIT':
    case 'BLOCKED':
    case 'ALLOWANCE':
      return { outcome: row.o_outcome, required: BigInt(row.o_required!), available: BigInt(row.o_available!) };
    case 'END_USER_LIMIT':
      return {
        outcome: row.o_outcome,
        limit: row.o_limit!,
        most: BigInt(row.o_required!),
        used: BigInt(row.o_available!),
        resetAt: row.o_reset_at!,
      };
    default:
      throw new Error(`ledger_commit answered the unknown outcome ${row.o_outcome}`);
  }
}
