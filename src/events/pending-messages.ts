import { encodeMessage } from './envelope';
import type { BusMessage, EventChannel } from './event-bus';

/** One message that waits to be sent. */
export interface PendingMessage {
  readonly key: string;
  readonly encoded: string;
  readonly bytes: number;
  /** Of a usage message; the higher one of a workspace tells all that the lower ones did. */
  readonly sequence: bigint | null;
}

/** Throws TypeError on what is not JSON. */
export function pendingMessage(channel: EventChannel, message: BusMessage): PendingMessage {
  const encoded = encodeMessage(channel, message);
  const sequence = channel === 'usage' ? wholeNumber(message.sequence) : null;
  const merges = sequence !== null && typeof message.workspaceId === 'string';
  return {
    key: merges ? `usage ${message.workspaceId}` : encoded,
    encoded,
    bytes: Buffer.byteLength(encoded),
    sequence: merges ? sequence : null,
  };
}

function wholeNumber(value: unknown): bigint | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^\d{1,30}$/.test(value)) return BigInt(value);
  return null;
}

/**
 * Messages in the order in which they were published. Usage messages of one workspace become the one with the highest
 * sequence, and a message that waits already is not added again.
 */
export class PendingMessages {
  private waiting = new Map<string, PendingMessage>();

  get size(): number {
    return this.waiting.size;
  }

  add(message: PendingMessage): void {
    const earlier = this.waiting.get(message.key);
    if (earlier && (message.sequence === null || message.sequence <= (earlier.sequence ?? -1n))) return;
    this.waiting.set(message.key, message);
  }

  /** Before all that wait, in their own order: what could not be sent. */
  putBack(messages: readonly PendingMessage[]): void {
    const later = this.waiting;
    this.waiting = new Map();
    for (const message of messages) this.add(message);
    for (const message of later.values()) this.add(message);
  }

  /** Takes out the first messages, at least one if any waits, as many as fit in `bytes` with a comma each. */
  take(bytes: number): PendingMessage[] {
    const taken: PendingMessage[] = [];
    let room = bytes;
    for (const message of this.waiting.values()) {
      room -= message.bytes + 1;
      if (room < 0 && taken.length > 0) break;
      taken.push(message);
      this.waiting.delete(message.key);
    }
    return taken;
  }

  /** Gives up the oldest messages until `most` remain; how many were given up. */
  trim(most: number): number {
    const excess = this.waiting.size - most;
    if (excess <= 0) return 0;
    let left = excess;
    for (const key of this.waiting.keys()) {
      this.waiting.delete(key);
      left -= 1;
      if (left === 0) break;
    }
    return excess;
  }
}
