/** Whoever is asked now and then whether he is still there. */
export interface KeptAlive {
  /** He was asked and has not answered yet. */
  isAsked: boolean;
  /** When in the interval he is asked. */
  slot: number;
  ping(): void;
  terminate(): void;
}

/** Parts of an interval, so that of thousands of peers only a few are asked in the same moment. */
const SLOTS = 480;

/** Asks each peer once in an interval whether he is still there, and lets go of one who does not answer until the next. */
export class KeepAlive {
  private readonly slots: readonly Set<KeptAlive>[] = Array.from({ length: SLOTS }, () => new Set<KeptAlive>());
  private timer: NodeJS.Timeout | null = null;
  private peers = 0;
  private added = 0;
  private current = 0;

  constructor(private readonly intervalMs: number) {}

  add(peer: KeptAlive): void {
    peer.slot = this.added % SLOTS;
    this.slots[peer.slot]!.add(peer);
    this.added += 1;
    this.peers += 1;
    this.timer ??= setInterval(() => this.askNext(), this.intervalMs / SLOTS).unref();
  }

  remove(peer: KeptAlive): void {
    if (!this.slots[peer.slot]!.delete(peer)) return;
    this.peers -= 1;
    if (this.peers === 0) this.stop();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private askNext(): void {
    this.current = (this.current + 1) % SLOTS;
    for (const peer of this.slots[this.current]!) {
      if (peer.isAsked) peer.terminate();
      else {
        peer.isAsked = true;
        peer.ping();
      }
    }
  }
}
