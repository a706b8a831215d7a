import type { ProviderErrorKind } from '../../../providers/contract/errors';
import type { CircuitState } from '../../../schema/enums/circuit-state';

/** Leave to send one request, to be given back with its outcome. */
export type Permit = number;
export const REFUSED: Permit = 0;
/** Any larger number is the one probe of a circuit that is half open. */
const ORDINARY: Permit = 1;

/** What counts is young: an outage of a minute ago is no reason to refuse. */
const WINDOW_MS = 30_000;
const SLOTS = 10;
const SLOT_MS = WINDOW_MS / SLOTS;
/**
 * An operation that fails for good makes three attempts. With fewer than three of them one unlucky caller, or two, would
 * close out a provider that is hardly used.
 */
const ATTEMPTS_LEAST = 9;
/**
 * A busy provider that falls silent would need half the window to outweigh the answers before; so many failures with
 * not one answer between them are enough by themselves.
 */
const FAILURES_IN_A_ROW = 20;
/** Each probe that fails doubles the wait: a long outage costs few callers a slow answer. */
const COOL_DOWN_FIRST_MS = 10_000;
const COOL_DOWN_MAX_MS = 60_000;
/** A provider that asks for a longer rest with Retry-After gets it, up to this. */
const RETRY_AFTER_MAX_MS = 300_000;
/** A probe that has not come back by then is given up, and another may try. */
const PROBE_MAX_MS = 120_000;

/**
 * Whether requests go out to one provider with one credential. It opens when, of at least 9 attempts in 30 seconds, half
 * or more were UNAVAILABLE or timed out (a provider that serves most of its calls is still worth a retry), or when 20 in
 * a row were; stays open for a cool-down; then lets a single probe through, whose answer closes it. A refusal or a key
 * that is wrong is an answer.
 *
 * All times are milliseconds of one monotonic clock.
 */
export class Circuit {
  private readonly answers = new Uint32Array(SLOTS);
  private readonly failures = new Uint32Array(SLOTS);
  /** Number of the newest slot, since the clock's zero. */
  private slot = 0;
  private inARow = 0;
  /** When the cool-down ends; 0 while closed. */
  private openUntil = 0;
  /** Probes that have failed since it opened. */
  private failedProbes = 0;
  /** The probe under way; 0: none. */
  private probe: Permit = REFUSED;
  private probeBegan = 0;
  private lastProbe: Permit = ORDINARY;

  state(now: number): CircuitState {
    if (this.openUntil === 0) return 'CLOSED';
    return now < this.openUntil ? 'OPEN' : 'HALF_OPEN';
  }

  /** REFUSED while open, and while a probe is under way. Every other permit is given back exactly once. */
  admit(now: number): Permit {
    if (this.openUntil === 0) return ORDINARY;
    if (now < this.openUntil) return REFUSED;
    if (this.probe !== REFUSED && now - this.probeBegan < PROBE_MAX_MS) return REFUSED;
    this.lastProbe += 1;
    this.probe = this.lastProbe;
    this.probeBegan = now;
    return this.probe;
  }

  /** Leave for a request that belongs to an answer under way, whatever the circuit says. */
  join(now: number): Permit {
    return this.admit(now) || ORDINARY;
  }

  /** Milliseconds until a request may be tried; at least 1 second while a probe is under way. */
  retryAfterMs(now: number): number {
    return Math.max(1_000, this.openUntil - now);
  }

  answered(permit: Permit, now: number): void {
    if (permit !== ORDINARY) {
      if (permit === this.probe) this.close();
      return;
    }
    // Stragglers from before it opened prove nothing about now.
    if (this.openUntil !== 0) return;
    this.inARow = 0;
    this.turnTo(now);
    this.answers[this.slot % SLOTS]! += 1;
  }

  failed(permit: Permit, kind: ProviderErrorKind, now: number, retryAfterMs = 0): void {
    if (kind === 'CANCELLED') this.withdraw(permit);
    else if (kind === 'REJECTED' || kind === 'UNAUTHORIZED') this.answered(permit, now);
    else if (permit !== ORDINARY) {
      if (permit !== this.probe) return;
      this.failedProbes += 1;
      this.open(now, retryAfterMs);
    } else if (this.openUntil === 0) {
      this.inARow += 1;
      this.turnTo(now);
      this.failures[this.slot % SLOTS]! += 1;
      if (this.mustOpen()) this.open(now, retryAfterMs);
    }
  }

  /** An answer that had been given back as such broke off after all. */
  brokeOff(now: number, retryAfterMs = 0): void {
    this.turnTo(now);
    const slot = this.slot % SLOTS;
    if (this.answers[slot]! > 0) this.answers[slot]! -= 1;
    this.failed(ORDINARY, 'UNAVAILABLE', now, retryAfterMs);
  }

  /** The request ended without telling anything about the provider. */
  withdraw(permit: Permit): void {
    if (permit === this.probe) this.probe = REFUSED;
  }

  private mustOpen(): boolean {
    if (this.inARow >= FAILURES_IN_A_ROW) return true;
    let answered = 0;
    let failed = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      answered += this.answers[slot]!;
      failed += this.failures[slot]!;
    }
    return answered + failed >= ATTEMPTS_LEAST && failed >= answered;
  }

  private open(now: number, retryAfterMs: number): void {
    const coolDown = Math.min(COOL_DOWN_MAX_MS, COOL_DOWN_FIRST_MS * 2 ** Math.min(this.failedProbes, 10));
    this.openUntil = now + Math.max(coolDown, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
    this.probe = REFUSED;
  }

  private close(): void {
    this.openUntil = 0;
    this.failedProbes = 0;
    this.probe = REFUSED;
    this.inARow = 0;
    this.answers.fill(0);
    this.failures.fill(0);
  }

  /** Empties the slots that have come round again. */
  private turnTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    if (slot === this.slot) return;
    if (slot - this.slot >= SLOTS) {
      this.answers.fill(0);
      this.failures.fill(0);
    } else {
      for (let next = this.slot + 1; next <= slot; next++) {
        this.answers[next % SLOTS] = 0;
        this.failures[next % SLOTS] = 0;
      }
    }
    this.slot = slot;
  }
}
