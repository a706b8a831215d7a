export type AlertKind = 'LOW_BALANCE' | 'SPEND_SPIKE' | 'NEW_VOICE' | 'PROVIDER_ERRORS';

/** Rules of one workspace. */
export const RULES_MAX = 50;
/** Thresholds are integers of 10^-6: micro-credits, millionths of a factor or of a share. */
export const THRESHOLD_DECIMALS = 6;
export const THRESHOLD_ONE = 1_000_000n;

export interface AlertRule {
  readonly id: string;
  readonly kind: AlertKind;
  /** Of 10^-6; null: NEW_VOICE. */
  readonly threshold: bigint | null;
  /** null: every voice that was used before `watchingSince`. */
  readonly expectedVoiceIds: readonly string[] | null;
  readonly enabled: boolean;
  readonly createdAt: Date;
  /** When it was made or last switched on. */
  readonly watchingSince: Date;
}

/** A crossing that was raised and has not ended. */
export interface AlertState {
  readonly ruleId: string;
  /** The measure, voice or provider; '' where a rule has one alone. */
  readonly subject: string;
  /** The period and the UTC day (YYYY-MM-DD) in which it was raised. */
  readonly periodNumber: number;
  readonly day: string;
  /** Micro-credits that the workspace had been granted by then in all. */
  readonly granted: bigint;
}

/** An alert as the database holds it. */
export interface AlertRow {
  readonly id: string;
  readonly workspace_id: string;
  /** 1, 2, 3 ... of the workspace, as decimal digits. */
  readonly sequence: string;
  readonly rule_id: string;
  readonly kind: AlertKind;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly raised_at: Date;
}
