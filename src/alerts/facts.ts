import type { AlertState } from './alert-kinds';

/** An account as rules look at it. Amounts are micro-credits. */
export interface AccountFacts {
  /** The moment that is looked at, by the database's clock. */
  readonly now: Date;
  readonly spendable: bigint;
  readonly held: bigint;
  readonly periodNumber: number;
  readonly periodEnd: Date;
  /** Of all grants that there ever were. */
  readonly granted: bigint;
}

/** Micro-credits that were charged, and milliseconds of audio, own keys included. */
export interface Spending {
  readonly credits: bigint;
  readonly audioMilliseconds: bigint;
}

export interface SpendingFacts {
  readonly today: Spending;
  /** The 7 whole UTC days before today, each once, also those without usage. */
  readonly days: readonly Spending[];
}

export interface ProviderFacts {
  readonly providerId: string;
  /** Operations of the last hour that ended, and those of them that failed. */
  readonly requests: bigint;
  readonly failures: bigint;
}

export interface VoiceFacts {
  readonly voiceId: string;
  readonly voiceName: string | null;
  readonly firstUsedAt: Date;
  readonly usedThisPeriod: boolean;
}

/** What the enabled rules of a workspace are judged by; what no rule asks for is empty. */
export interface Facts {
  readonly account: AccountFacts;
  /** null: no rule asks. */
  readonly spending: SpendingFacts | null;
  readonly providers: readonly ProviderFacts[];
  /** Voices that were used since the rules were last looked at, and may have been before. */
  readonly voices: readonly VoiceFacts[];
  readonly states: readonly AlertState[];
}

/** The UTC day of a moment, YYYY-MM-DD. */
export const dayOf = (moment: Date): string => moment.toISOString().slice(0, 10);
