import type { MicroCredits } from '../lib/credits';

/** The columns of a usage event that are known before the provider is called; kept in the hold for the case of a crash. */
export interface EventDraft {
  capability: string;
  provider_id: string | null;
  model: string | null;
  credential: string;
  voice_id: string | null;
  voice_name: string | null;
  language: string | null;
  style: string | null;
  quality: string | null;
  api_key_id: string | null;
  end_user_id: string | null;
  metadata: Readonly<Record<string, unknown>> | null;
  characters: number;
  input_tokens: number;
  output_tokens: number;
  requests: number;
  /** Micro-credits, as a decimal string. */
  estimated_credits: string;
  estimated_audio_milliseconds: number | null;
  rate_card_version: string;
  attempts: readonly AttemptRecord[];
  /** What is being made, apart from its bytes. */
  artifact: Readonly<Record<string, unknown>> | null;
}

export interface AttemptRecord {
  provider: string;
  model: string | null;
  credential: string;
  outcome: 'SERVED' | 'REJECTED' | 'UNAUTHORIZED' | 'UNAVAILABLE' | 'TIMED_OUT' | 'CANCELLED' | 'SKIPPED' | 'UNKNOWN';
  errorCode: string | null;
  upstreamRequestId: string | null;
  latencyMs: number | null;
}

export interface ReserveRequest {
  readonly operationId: string;
  readonly workspaceId: string;
  /** Cost that no allowance can take. */
  readonly credits: MicroCredits;
  /** Units (characters) priced at rate / per, of which the plan's allowance takes the first where it counts them. */
  readonly units: number;
  readonly rate: bigint | null;
  readonly per: number;
  readonly allowanceEligible: boolean;
  /** There is no price beyond the allowance. */
  readonly allowanceOnly: boolean;
  readonly maxCredits: MicroCredits | null;
  /** The hold is no less than this, however much the allowance takes. Left out: 0. */
  readonly atLeast?: MicroCredits | undefined;
  readonly clientTokenId: string | null;
  /** List price, which a client token's budget counts even where the workspace pays nothing. */
  readonly listCredits: MicroCredits;
  readonly idempotency: null | {
    readonly operation: string;
    readonly key: string;
    readonly inputHash: string;
    /** A broken-off operation that delivered and cost nothing may run again under its key. */
    readonly rerunAborted: boolean;
  };
  readonly details: EventDraft;
}

export type ReserveOutcome =
  | {
      readonly outcome: 'HELD';
      readonly credits: MicroCredits;
      readonly overage: MicroCredits;
      readonly allowance: number;
    }
  | { readonly outcome: 'RUNNING' | 'REPLAY' | 'ABORTED'; readonly operationId: string }
  | { readonly outcome: 'CONFLICT' | 'NO_ACCOUNT' | 'TOKEN_ENDED' }
  | {
      readonly outcome: 'INSUFFICIENT' | 'OVERAGE_LIMIT' | 'MAX_CREDITS' | 'TOKEN_LIMIT' | 'BLOCKED' | 'ALLOWANCE';
      /** Micro-credits; characters for ALLOWANCE. */
      readonly required: bigint;
      readonly available: bigint;
    }
  | {
      readonly outcome: 'END_USER_LIMIT';
      readonly limit: 'CREDITS_PER_DAY' | 'CREDITS_PER_PERIOD' | 'REQUESTS_PER_MINUTE';
      /** Micro-credits, or requests. */
      readonly most: bigint;
      /** What counts against it already, open holds among it. */
      readonly used: bigint;
      readonly resetAt: Date;
    };

/** A usage event as far as the operation knows it; the ledger adds what the commit decides. */
export interface EventRecord extends EventDraft {
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  error_code: string | null;
  client_token_id: string | null;
  audio_milliseconds: number;
  provider_count: Readonly<Record<string, unknown>> | null;
  latency_ms: number | null;
}

export interface SettleRequest {
  readonly operationId: string;
  readonly workspaceId: string;
  /** The charge; what exceeds the hold is recorded as an anomaly and not charged. */
  readonly credits: MicroCredits;
  readonly allowance: number;
  readonly listCredits: MicroCredits;
  readonly event: EventRecord;
}

export type SettleOutcome =
  /** The lease ran out first: the operation is UNKNOWN and costs nothing. */
  | { readonly outcome: 'EXPIRED' }
  | {
      readonly outcome: 'SETTLED';
      readonly sequence: bigint;
      readonly credits: MicroCredits;
      readonly overage: MicroCredits;
      readonly allowance: number;
      readonly balance: MicroCredits;
      readonly costUsdE10: bigint;
      readonly settledAt: Date;
    };

/** Where operations meet the ledger. */
export interface Ledger {
  /** Holds the upper bound of an operation, or says why not. Nothing was called before it answers. */
  reserve(request: ReserveRequest): Promise<ReserveOutcome>;
  /** Ends a hold with its charge and its usage event, durably, in one commit. */
  settle(request: SettleRequest): Promise<SettleOutcome>;
}
