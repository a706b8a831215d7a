import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageEventRow } from '../../ledger/usage-event';
import { formatCredits, formatUsd } from '../../lib/credits';
import type { ErrorCode } from '../../lib/errors';

const NOUNS: Readonly<Record<string, string>> = {
  TEXT_TO_SPEECH: 'Speech',
  SPEECH_TO_TEXT: 'Transcription',
  LANGUAGE_MODEL: 'Chat',
  EMBEDDING: 'Embedding',
  RETRIEVAL: 'Search',
};
const ENDINGS: Readonly<Record<UsageEventRow['status'], string>> = {
  SUCCEEDED: 'completed',
  FAILED: 'failed',
  ABORTED: 'was broken off',
  UNKNOWN: 'has an unknown outcome',
};
const wholeNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A usage event as the schema shows it. Fields are computed when they are asked for: most queries want few of them. */
export class OperationUsageView implements Omit<OperationUsage, 'provider'> {
  constructor(private readonly row: UsageEventRow) {}

  get id() {
    return this.row.id;
  }
  get capability() {
    return this.row.capability as OperationUsage['capability'];
  }
  get status() {
    return this.row.status;
  }
  get errorCode() {
    return this.row.error_code as ErrorCode | null;
  }
  get providerId() {
    return this.row.provider_id;
  }
  get model() {
    return this.row.model;
  }
  get byok() {
    return this.row.credential === 'REQUEST_KEY' || this.row.credential === 'STORED_KEY';
  }
  get credential() {
    return this.row.credential as OperationUsage['credential'];
  }
  get voiceId() {
    return this.row.voice_id;
  }
  get voiceName() {
    return this.row.voice_name;
  }
  get language() {
    return this.row.language;
  }
  get style() {
    return this.row.style;
  }
  get quality() {
    return this.row.quality as OperationUsage['quality'];
  }
  get apiKeyId() {
    return this.row.api_key_id;
  }
  get endUserId() {
    return this.row.end_user_id;
  }
  get metadata() {
    return this.row.metadata as OperationUsage['metadata'];
  }
  get characters() {
    return Number(this.row.characters);
  }
  get inputTokens() {
    return Number(this.row.input_tokens);
  }
  get outputTokens() {
    return Number(this.row.output_tokens);
  }
  get totalTokens() {
    return this.inputTokens + this.outputTokens;
  }
  get billableTokens() {
    return Number(this.row.billable_tokens);
  }
  get audioMilliseconds() {
    return Number(this.row.audio_milliseconds);
  }
  get audioSeconds() {
    return this.audioMilliseconds / 1000;
  }
  get requests() {
    return this.row.requests;
  }
  get allowanceCharacters() {
    return Number(this.row.allowance_characters);
  }
  get estimatedCredits() {
    return formatCredits(BigInt(this.row.estimated_credits));
  }
  get estimatedAudioSeconds() {
    return this.row.estimated_audio_milliseconds === null ? null : Number(this.row.estimated_audio_milliseconds) / 1000;
  }
  get heldCredits() {
    return formatCredits(BigInt(this.row.held_credits));
  }
  get credits() {
    return formatCredits(BigInt(this.row.credits));
  }
  get overageCredits() {
    return formatCredits(BigInt(this.row.overage_credits));
  }
  get costUsd() {
    return formatUsd(BigInt(this.row.cost_usd_e10));
  }
  get remainingBalance() {
    return formatCredits(BigInt(this.row.balance_after));
  }
  get summary() {
    const tokens = wholeNumber.format(this.billableTokens);
    const left = wholeNumber.format(BigInt(this.row.balance_after) / 1_000_000n);
    const noun = NOUNS[this.row.capability] ?? 'Operation';
    return `${noun} ${ENDINGS[this.row.status]}. ${tokens} billable tokens used. ${left} credits remaining.`;
  }
  get attempts() {
    return this.row.attempts as OperationUsage['attempts'];
  }
  get latencyMs() {
    return this.row.latency_ms;
  }
  get rateCardVersion() {
    return this.row.rate_card_version;
  }
  get createdAt() {
    return this.row.created_at;
  }
  get settledAt() {
    return this.row.status === 'UNKNOWN' ? null : this.row.settled_at;
  }
}

/** A short account of a settled operation, for the fields of an error. */
export function shortUsage(row: UsageEventRow) {
  const { id, status, credits, characters, inputTokens, outputTokens, audioMilliseconds } = new OperationUsageView(row);
  return { id, status, credits, characters, inputTokens, outputTokens, audioMilliseconds };
}
