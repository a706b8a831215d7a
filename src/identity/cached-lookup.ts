import type { Clock } from '../lib/clock';

export interface CachedLookupOptions<Value> {
  readonly clock: Clock;
  /** Asks the source; null: there is none. Throws when it cannot be asked, which is remembered nowhere. */
  readonly load: (key: string) => Promise<Value | null>;
  readonly foundMost: number;
  readonly missingMost: number;
  /** Asked at every read, so that what was read before is trusted less as soon as it answers less. */
  readonly foundForMs: () => number;
  readonly missingForMs: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly readAt: number;
}

/** How often a read that something overtook is made again before its answer is used without being remembered. */
const ATTEMPTS = 3;

/**
 * Remembers answers for a while: the least recently used are dropped first; keys without an answer are kept apart, so
 * that guessing cannot drive out what is in use; those who ask for one key at the same time share one read.
 *
 * An answer whose read began before `forget` is never remembered: it may show the state before the change.
 */
export class CachedLookup<Value> {
  private readonly found = new Map<string, Entry<Value>>();
  private readonly missing = new Map<string, number>();
  private readonly running = new Map<string, Promise<Value | null>>();
  private changes = 0;

  constructor(private readonly options: CachedLookupOptions<Value>) {}

  /** How many answers are remembered, of either kind. */
  get size(): number {
    return this.found.size + this.missing.size;
  }

  async get(key: string): Promise<Value | null> {
    const now = this.options.clock.monotonic();
    const entry = this.found.get(key);
    if (entry) {
      this.found.delete(key);
      if (now - entry.readAt < this.options.foundForMs()) {
        this.found.set(key, entry);
        return entry.value;
      }
    }
    const missingSince = this.missing.get(key);
    if (missingSince !== undefined) {
      if (now - missingSince < this.options.missingForMs) return null;
      this.missing.delete(key);
    }
    return this.running.get(key) ?? this.start(key);
  }

  /** Forgets the answers that `concerns` names and every missing one, and reads under way. */
  forget(concerns: (value: Value) => boolean): void {
    for (const [key, { value }] of this.found) {
      if (concerns(value)) this.found.delete(key);
    }
    this.overtake();
  }

  forgetAll(): void {
    this.found.clear();
    this.overtake();
  }

  private overtake(): void {
    this.missing.clear();
    this.changes += 1;
    // Whoever asks from now on starts a read of its own; those that wait are answered by a read made again.
    this.running.clear();
  }

  private start(key: string): Promise<Value | null> {
    const reading = this.read(key).finally(() => {
      if (this.running.get(key) === reading) this.running.delete(key);
    });
    this.running.set(key, reading);
    return reading;
  }

  private async read(key: string): Promise<Value | null> {
    for (let attempt = 1; ; attempt += 1) {
      const changes = this.changes;
      const readAt = this.options.clock.monotonic();
      const value = await this.options.load(key);
      if (changes === this.changes) {
        this.remember(key, value, readAt);
        return value;
      }
      if (attempt === ATTEMPTS) return value;
    }
  }

  private remember(key: string, value: Value | null, readAt: number): void {
    const { foundMost, missingMost } = this.options;
    if (value === null) {
      this.missing.set(key, readAt);
      trim(this.missing, missingMost);
    } else {
      this.found.set(key, { value, readAt });
      trim(this.found, foundMost);
    }
  }
}

/** A Map keeps the order of insertion, so its first key is the oldest. */
function trim(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  for (const key of map.keys()) {
    map.delete(key);
    if (map.size <= most) return;
  }
}
