import type { AudioStore, StoredAudio } from '../../audio-store/audio-store';
import type { LiveAudio } from '../../audio-store/live-audio';
import type { AudioUrls } from '../../audio-store/signed-urls';
import { tailAudio } from '../../audio-store/tail-audio';
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
    const { urls, store, live, usage, clock } = this.dependencies;
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
    if (event) {
      if (event.status !== 'SUCCEEDED' || (await usage.isDeleted(operationId))) return null;
      const { contentType, place } = event.artifact as unknown as SpeechArtifact;
      const audio = await store.find(operationId, place);
      return audio && { kind: 'stored', contentType, audio };
    }
    const contentType = await usage.heldContentType(operationId);
    if (contentType === null) return null;
    return { kind: 'live', contentType, chunks: (signal) => this.madeElsewhere(operationId, signal) };
  }

  /** A speech that is delivered whole has no file while it is made, and perhaps never one of its own. */
  private async *madeElsewhere(operationId: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { store, usage } = this.dependencies;
    const isEnded = async (): Promise<boolean> => !(await usage.isHeld(operationId));
    let nothing = true;
    for await (const chunk of tailAudio(store.pathOf(operationId), isEnded, signal)) {
      nothing = false;
      yield chunk;
    }
    if (!nothing || signal.aborted) return;
    const event = await usage.eventById(operationId);
    if (event?.status !== 'SUCCEEDED') return;
    const stored = await store.find(operationId, (event.artifact as unknown as SpeechArtifact).place);
    if (stored) yield* stored.stream();
  }
}

async function* bytesOf(audio: LiveAudio, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of audio.chunks(0, signal)) yield chunk.bytes;
}
