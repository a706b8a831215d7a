import type { MicroCredits } from '../lib/credits';
import type { AttemptRecord, EventRecord, SettleOutcome } from './entries';

/** A settled usage event as the database holds it; 64-bit numbers as decimal strings. */
export interface UsageEventRow
  extends Omit<EventRecord, 'status' | 'characters' | 'input_tokens' | 'output_tokens' | 'audio_milliseconds'> {
  id: string;
  workspace_id: string;
  sequence: string;
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'UNKNOWN';
  characters: string | number;
  input_tokens: string | number;
  output_tokens: string | number;
  billable_tokens: string | number;
  audio_milliseconds: string | number;
  allowance_characters: string | number;
  held_credits: string;
  credits: string;
  overage_credits: string;
  cost_usd_e10: string;
  balance_after: string;
  attempts: readonly AttemptRecord[];
  created_at: Date;
  settled_at: Date;
}

/** The row that a settlement wrote, without asking the database for it. */
export function settledRow(
  operationId: string,
  workspaceId: string,
  event: EventRecord,
  held: MicroCredits,
  createdAt: Date,
  settled: Extract<SettleOutcome, { outcome: 'SETTLED' }>,
): UsageEventRow {
  const charged = settled.credits > 0n || settled.allowance > 0;
  // Written out: spreading an object of this size is many times slower.
  return {
    capability: event.capability,
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
    requests: event.requests,
    characters: event.characters,
    input_tokens: event.input_tokens,
    output_tokens: event.output_tokens,
    audio_milliseconds: event.audio_milliseconds,
    estimated_credits: event.estimated_credits,
    estimated_audio_milliseconds: event.estimated_audio_milliseconds,
    rate_card_version: event.rate_card_version,
    attempts: event.attempts,
    artifact: event.artifact,
    provider_count: event.provider_count,
    latency_ms: event.latency_ms,
    status: event.status,
    error_code: event.error_code,
    id: operationId,
    workspace_id: workspaceId,
    sequence: settled.sequence.toString(),
    billable_tokens: charged ? event.input_tokens + event.output_tokens : 0,
    allowance_characters: settled.allowance,
    held_credits: held.toString(),
    credits: settled.credits.toString(),
    overage_credits: settled.overage.toString(),
    cost_usd_e10: settled.costUsdE10.toString(),
    balance_after: settled.balance.toString(),
    created_at: createdAt,
    settled_at: settled.settledAt,
  };
}
