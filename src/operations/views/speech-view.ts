import type { Audio } from '../../../schema/types/audio';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { Speech } from '../../../schema/types/speech';
import type { AudioStore } from '../../audio-store/audio-store';
import type { LiveAudio } from '../../audio-store/live-audio';
import type { AudioUrls } from '../../audio-store/signed-urls';
import type { EventDraft } from '../../ledger/entries';
import type { UsageEventRow } from '../../ledger/usage-event';
import type { Clock } from '../../lib/clock';
import { OperationUsageView } from './operation-usage-view';

const BASE64_BYTES_MAX = 1_048_576;
const DAY_MS = 86_400_000;

/** What the artifact column of a speech holds. */
export interface SpeechArtifact {
  readonly format: Audio['format'];
  readonly contentType: string;
  /** null where the provider that will make it is not known yet. */
  readonly sampleRate: number | null;
  readonly channels: number;
  readonly delivery: 'COMPLETE' | 'STREAM';
  readonly sizeBytes?: number;
  /** Where a short speech lies among others; null or left out: in a file of its own. */
  readonly place?: string | null;
}

/** A speech from wherever it is known: a settled event, or an operation that is under way. */
export interface SpeechSource {
  readonly id: string;
  readonly createdAt: Date;
  readonly draft: EventDraft;
  readonly event: UsageEventRow | null;
  readonly deleted: boolean;
  /** The audio while it is in this process. */
  readonly live: LiveAudio | null;
}

export interface SpeechViewDependencies {
  readonly urls: AudioUrls;
  readonly store: AudioStore;
  readonly clock: Clock;
  readonly retentionDays: number;
}

const STATUSES = { SUCCEEDED: 'COMPLETED', FAILED: 'FAILED', ABORTED: 'ABORTED', UNKNOWN: 'UNKNOWN' } as const;

/** A speech as the schema shows it. */
export function speechView(source: SpeechSource, dependencies: SpeechViewDependencies): Speech {
  const { event, draft } = source;
  return {
    id: source.id,
    status: event ? STATUSES[event.status] : 'GENERATING',
    errorCode: (event?.error_code ?? null) as Speech['errorCode'],
    audio: audioOf(source, dependencies),
    providerId: (event ?? draft).provider_id!,
    model: (event ?? draft).model!,
    voiceId: (event ?? draft).voice_id,
    characters: Number(event?.characters ?? draft.characters),
    endUserId: draft.end_user_id,
    metadata: draft.metadata as Speech['metadata'],
    usage: event ? (new OperationUsageView(event) as OperationUsage) : null,
    createdAt: source.createdAt,
  };
}

/** null when it failed, was deleted, or is older than the retention. */
function audioOf(source: SpeechSource, dependencies: SpeechViewDependencies): Audio | null {
  const { event } = source;
  const now = dependencies.clock.now();
  if (source.deleted || (event && event.status !== 'SUCCEEDED')) return null;
  if (source.createdAt.getTime() + dependencies.retentionDays * DAY_MS < now) return null;
  const artifact = (event?.artifact ?? source.draft.artifact) as unknown as SpeechArtifact;
  const { url, expiresAt } = dependencies.urls.sign(source.id, now);
  return {
    url,
    expiresAt,
    contentType: artifact.contentType,
    format: artifact.format,
    sampleRate: artifact.sampleRate,
    channels: artifact.channels,
    sizeBytes: event ? (artifact.sizeBytes ?? null) : null,
    durationSeconds: event ? Number(event.audio_milliseconds) / 1000 : null,
    base64: () => base64Of(source, artifact, dependencies),
  };
}

async function base64Of(
  source: SpeechSource,
  artifact: SpeechArtifact,
  { store, clock }: SpeechViewDependencies,
): Promise<string | null> {
  if (
    !source.event ||
    artifact.delivery !== 'COMPLETE' ||
    (artifact.sizeBytes ?? Number.POSITIVE_INFINITY) > BASE64_BYTES_MAX
  )
    return null;
  const memory = source.live?.whole();
  if (memory) return memory.toString('base64');
  const stored = await store.findWhole(source.id, artifact, clock.now() - source.event.settled_at.getTime());
  if (!stored) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of stored.stream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('base64');
}
