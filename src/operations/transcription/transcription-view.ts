import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { Transcription } from '../../../schema/types/transcription';
import type { UsageEventRow } from '../../ledger/usage-event';
import { OperationUsageView } from '../views/operation-usage-view';
import type { KeptTranscript } from './transcription-store';

/** A transcription as the schema shows it: its text, and what its usage event knows. */
export function transcriptionView(event: UsageEventRow, transcript: KeptTranscript): Transcription {
  return {
    id: event.id,
    text: transcript.text,
    language: transcript.language,
    durationSeconds: Number(event.audio_milliseconds) / 1_000,
    segments: transcript.segments,
    words: transcript.words,
    providerId: event.provider_id!,
    model: event.model!,
    usage: new OperationUsageView(event) as OperationUsage,
    endUserId: event.end_user_id,
    metadata: event.metadata as Transcription['metadata'],
    createdAt: event.created_at,
  };
}
