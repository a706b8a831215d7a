import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { Speech } from '../../../schema/types/speech';
import type { SpeechStreamEvent } from '../../../schema/types/speech-stream';
import type { AudioStore } from '../../audio-store/audio-store';
import type { LiveAudio } from '../../audio-store/live-audio';
import type { PrincipalContext } from '../../identity/caller';
import type { UsageEventRow } from '../../ledger/usage-event';
import { abortableIterator } from '../../lib/abortable-iterator';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import type { Listeners } from '../listeners';
import type { LiveOperation } from '../live-operations';
import { OperationUsageView } from '../views/operation-usage-view';
import type { SpeechArtifact } from '../views/speech-view';

/** A reader that takes no chunk for this long, while there is one, is too slow. */
const STALL_MS = 60_000;

/** The events of speechStream: listening to a speech that runs, and hearing again one that is complete. */
export class SpeechStreams {
  constructor(
    private readonly clock: Clock,
    private readonly store: AudioStore,
    private readonly listeners: Listeners,
  ) {}

  /** Resolves when somebody listens, or the operation was ended: nothing more is bought for a stream without a listener. */
  mayContinue(operation: LiveOperation): Promise<void> {
    return this.listeners.present(operation);
  }

  listen(
    context: PrincipalContext,
    operation: LiveOperation,
    after: number | null,
    view: (event: UsageEventRow | null) => Speech,
  ): AsyncIterable<SpeechStreamEvent> {
    const leave = this.listeners.enter(operation, context.connection);
    const { clock } = this;
    return abortableIterator(
      async function* (signal): AsyncGenerator<SpeechStreamEvent, void, void> {
        try {
          const audio = operation.audio!;
          if (after === null) yield started(view(null), audio.description);
          let cancelStall: () => void = () => {};
          let tooSlow = false;
          for await (const chunk of audio.chunks(after ?? 0, signal)) {
            cancelStall = clock.schedule(() => {
              // What is complete is paid for; it may be read at any pace.
              if (audio.ended) return;
              tooSlow = true;
              leave(() => operation.end('SLOW_CONSUMER'));
            }, STALL_MS);
            yield chunkEvent(chunk, audio.description.contentType);
            cancelStall();
            if (tooSlow) throw endedForSlowness(audio);
          }
          if (signal.aborted) return;
          const event = await operation.settled;
          leave(() => {});
          const last = audio.chunkCount + 1;
          if (after === null || after < last) yield completed(last, view(event), event);
        } finally {
          leave();
        }
      },
      () => leave(),
    );
  }

  replay(event: UsageEventRow, speech: Speech, after: number | null): AsyncIterable<SpeechStreamEvent> {
    const { store } = this;
    const artifact = event.artifact as unknown as SpeechArtifact;
    return abortableIterator(async function* (signal): AsyncGenerator<SpeechStreamEvent, void, void> {
      if (after === null) yield started(speech, artifact);
      for await (const chunk of store.chunks(event.id, after ?? 0)) {
        if (signal.aborted) return;
        yield chunkEvent(chunk, artifact.contentType);
      }
      const last = (await store.chunkCount(event.id)) + 1;
      if (after === null || after < last) yield completed(last, speech, event);
    });
  }
}

/** What the operation ended with, if it has; where others went on listening it may run. */
const endedForSlowness = ({ ended }: LiveAudio): Error =>
  ended && !ended.complete
    ? ended.error
    : new AppError('SLOW_CONSUMER', 'The audio was read too slowly, so this subscription was ended.');

const started = (speech: Speech, audio: Omit<SpeechArtifact, 'delivery'>): SpeechStreamEvent => ({
  __typename: 'SpeechStarted',
  sequence: 0,
  speech,
  contentType: audio.contentType,
  format: audio.format,
  sampleRate: audio.sampleRate,
  channels: audio.channels,
});

const chunkEvent = (chunk: { sequence: number; bytes: Uint8Array }, contentType: string): SpeechStreamEvent => ({
  __typename: 'SpeechChunk',
  sequence: chunk.sequence,
  audioBase64: Buffer.from(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.length).toString('base64'),
  contentType,
});

const completed = (sequence: number, speech: Speech, event: UsageEventRow): SpeechStreamEvent => ({
  __typename: 'SpeechCompleted',
  sequence,
  speech,
  usage: new OperationUsageView(event) as OperationUsage,
});
