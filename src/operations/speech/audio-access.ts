import type { AudioStore, StoredAudio } from '../../audio-store/audio-store';
import type { LiveAudio } from '../../audio-store/live-audio';
import type { AudioUrls } from '../../audio-store/signed-urls';
import { tailAudio } from '../../audio-store/tail-audio';
import type { UsageEventRow } from '../../ledger/usage-event';
import type { Clock } from '../../lib/clock';
import { isId } from '../../lib/ids';
import type { LiveOperations } from '../live-operations';
import type { UsageRepository } from '../usage-repository';
import type { SpeechArtifact } from '../views/speech-view';

export type OpenedAudio =
  | { readonly kind: 'stored'; readonly contentType: string; readonly audio: StoredAudio }
  /** Being made in this process, or by another that shares the folder. */
  | {
      readonly kind: 'live';
      readonly contentType: string;
      readonly chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
    };

/** What lies behind a signed audio address. */
export class AudioAccess {
  constructor(
    private readonly dependencies: {
      readonly urls: AudioUrls;
      readonly store: AudioStore;
      readonly live: LiveOperations;
      readonly usage: UsageRepository;
      readonly clock: Clock;
    },
  ) {}

  /** null: no such audio, or the address was not signed by us, or its time is over. */
  async open(operationId: string, expires: string, signature: string): Promise<OpenedAudio | null> {
    const { urls, live, usage, clock } = this.dependencies;
    if (!isId(operationId) || !urls.verify(operationId, expires, signature, clock.now())) return null;
    const running = live.findSigned(operationId)?.audio;
    if (running) {
      return {
        kind: 'live',
        contentType: running.description.contentType,
        chunks: (signal) => bytesOf(running, signal),
      };
    }
    const event = await usage.eventById(operationId);
    if (event) return this.settled(event);
    const contentType = await usage.heldContentType(operationId);
    if (contentType !== null) {
      return { kind: 'live', contentType, chunks: (signal) => this.madeElsewhere(operationId, signal) };
    }
    // It may have settled between the two looks.
    const settled = await usage.eventById(operationId);
    return settled && this.settled(settled);
  }

  private async settled(event: UsageEventRow): Promise<OpenedAudio | null> {
    if (event.status !== 'SUCCEEDED' || (await this.dependencies.usage.isDeleted(event.id))) return null;
    const audio = await this.findWhole(event);
    return audio && { kind: 'stored', contentType: artifactOf(event).contentType, audio };
  }

  private findWhole(event: UsageEventRow): Promise<StoredAudio | null> {
    const { store, clock } = this.dependencies;
    return store.findWhole(event.id, artifactOf(event), clock.now() - event.settled_at.getTime());
  }

  /** A speech that is delivered whole has no file while it is made, and perhaps never one of its own. */
  private async *madeElsewhere(operationId: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { store, usage } = this.dependencies;
    let ended: UsageEventRow | null = null;
    const sizeAtEnd = async (): Promise<number | null> => {
      ended ??= (await usage.isHeld(operationId)) ? null : await usage.eventById(operationId);
      if (!ended) return null;
      if (ended.status !== 'SUCCEEDED') throw new Error('The speech was broken off.');
      const { place, sizeBytes = 0 } = artifactOf(ended);
      return place == null ? sizeBytes : 0;
    };
    yield* tailAudio(store.pathOf(operationId), sizeAtEnd, signal);
    const event = ended as UsageEventRow | null;
    if (!event || artifactOf(event).place == null) return;
    const audio = await this.findWhole(event);
    if (!audio) throw new Error('The audio is missing.');
    yield* audio.stream();
  }
}

const artifactOf = (event: UsageEventRow): SpeechArtifact => event.artifact as unknown as SpeechArtifact;

async function* bytesOf(audio: LiveAudio, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of audio.chunks(0, signal)) yield chunk.bytes;
}
