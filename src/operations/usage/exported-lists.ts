import type { CreateUsageExportInput } from '../../../schema/inputs/usage-export-inputs';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageBucket } from '../../../schema/types/usage-bucket';
import type { VoiceUsageRow } from '../../../schema/types/voice-usage';
import type { UsageLogFilter } from '../../analytics/usage-log';
import { badInput } from '../../lib/errors';
import { readBucketFilter, readVoiceUsageRange, type SumsRequest } from './bucket-request';
import { readEventFilter } from './usage-event-list';

/** A list that is exported, as plain JSON: what was asked for, checked. */
export type ExportedList =
  | ({ readonly kind: 'usage-buckets' | 'voice-usage' } & SumsRequest)
  | { readonly kind: 'usage-events'; readonly filter: StoredEventFilter };

export type StoredEventFilter = Omit<UsageLogFilter, 'start' | 'end'> & {
  readonly start: string | null;
  readonly end: string | null;
};

/** All that the schema says of a row, in the same words. */
const FIELDS: Readonly<Record<ExportedList['kind'], readonly string[]>> = {
  'usage-buckets': [
    'start',
    'end',
    'provider',
    'capability',
    'model',
    'voiceId',
    'voiceName',
    'language',
    'style',
    'apiKeyId',
    'endUserId',
    'credential',
    'requests',
    'failures',
    'credits',
    'costUsd',
    'characters',
    'audioMilliseconds',
    'audioSeconds',
    'inputTokens',
    'outputTokens',
  ] satisfies readonly (keyof UsageBucket)[],
  'voice-usage': [
    'date',
    'voiceId',
    'voiceName',
    'style',
    'language',
    'provider',
    'model',
    'minutes',
    'requests',
    'credits',
  ] satisfies readonly (keyof VoiceUsageRow)[],
  // Not `provider`, which is an object about the present and not about the event; `providerId` names it.
  'usage-events': [
    'id',
    'capability',
    'status',
    'errorCode',
    'providerId',
    'model',
    'byok',
    'credential',
    'voiceId',
    'voiceName',
    'language',
    'style',
    'quality',
    'apiKeyId',
    'endUserId',
    'metadata',
    'characters',
    'inputTokens',
    'outputTokens',
    'totalTokens',
    'billableTokens',
    'audioMilliseconds',
    'audioSeconds',
    'requests',
    'allowanceCharacters',
    'estimatedCredits',
    'estimatedAudioSeconds',
    'heldCredits',
    'credits',
    'overageCredits',
    'costUsd',
    'remainingBalance',
    'summary',
    'attempts',
    'latencyMs',
    'rateCardVersion',
    'createdAt',
    'settledAt',
  ] satisfies readonly (keyof OperationUsage)[],
};

export const exportedFields = (list: ExportedList): readonly string[] => FIELDS[list.kind];

/** @throws AppError BAD_USER_INPUT */
export function readExportedList(input: CreateUsageExportInput): ExportedList {
  const given = (['buckets', 'voiceUsage', 'events'] as const).filter((name) => input[name] != null);
  if (given.length !== 1)
    throw badInput(given[1] ?? 'buckets', 'Give exactly one of buckets, voiceUsage and events: an export is one list.');
  if (input.buckets) return { kind: 'usage-buckets', ...readBucketFilter(input.buckets, 'buckets') };
  if (input.voiceUsage) return { kind: 'voice-usage', ...readVoiceUsageRange(input.voiceUsage, 'voiceUsage.') };
  const { start, end, ...filter } = readEventFilter(input.events!, 'events', null);
  return {
    kind: 'usage-events',
    filter: { ...filter, start: start?.toISOString() ?? null, end: end?.toISOString() ?? null },
  };
}
