import type { SealedSecret } from '../lib/secret-sealer';
import type { EndpointWork, OwnedEndpoint } from './endpoint-work';
import { type MessageMaker, WAITING_MAX } from './message-maker';
import { AttemptBrokenOff, type AttemptOutcome, failed, type MessagePost } from './message-post';
import { PAUSE_MAX_MS, pauseMs, retryDelayMs } from './retry-times';
import type { Slots } from './slots';
import type { WaitingMessage, WaitingMessages } from './waiting-messages';
import { isState, type WebhookEvent } from './webhook-event';
import type { WebhookSecretSealer } from './webhook-secret';

/** Messages of one endpoint that are under way at once; one while it fails. */
const AT_ONCE = 4;
const BATCH = 32;

export interface RunDependencies {
  readonly work: EndpointWork;
  readonly messages: WaitingMessages;
  readonly maker: MessageMaker;
  readonly post: MessagePost;
  readonly sealer: WebhookSecretSealer;
  /** Of all endpoints together, and of those that fail: they take no slot from the others. */
  readonly slots: Slots;
  readonly slotsOfFailing: Slots;
  /** From 0 to 1, for the jitter of retries. */
  readonly random: () => number;
}

/**
 * Works for one endpoint that this process owns until nothing is due for it any more: makes messages of what it has not
 * been told, and sends what is due, several at once and in the order in which it came to be due. No transaction is open
 * while a message is under way.
 */
export class EndpointRun {
  /** Something may be there that was not seen by the last look. */
  private unseen = true;
  private stopped = false;
  /** Of writing down what came of an attempt. */
  private fault: unknown = null;
  private failures = 0;
  private pause = 0;
  private waiting = 0;
  private queue: WaitingMessage[] = [];
  private readonly underWay = new Map<string, WebhookEvent>();
  private readonly broken = new AbortController();
  private proceed: () => void = () => {};

  constructor(
    readonly endpointId: string,
    private readonly dependencies: RunDependencies,
  ) {}

  /** Looks once more before it ends. */
  wake(): void {
    this.unseen = true;
    this.proceed();
  }

  /** Begins no further attempt. */
  stop(): void {
    this.stopped = true;
    this.proceed();
  }

  /** Ends attempts that are under way; they count for nothing, and are made again by whoever comes next. */
  breakOff(): void {
    this.stop();
    this.broken.abort();
  }

  /**
   * Resolves when the endpoint has been let go: in how many milliseconds something is due for it again; null: nothing
   * waits, or it is not ours any more.
   */
  async run(): Promise<number | null> {
    const { work, messages } = this.dependencies;
    try {
      this.waiting = await messages.count(this.endpointId, WAITING_MAX);
      await this.sendAll();
    } finally {
      this.stopped = true;
      while (this.underWay.size > 0) await this.change();
    }
    if (this.fault !== null) throw this.fault;
    return work.release(this.endpointId, this.failures, this.pause);
  }

  /** Whether it was woken after its last look. */
  get mayHaveMissed(): boolean {
    return this.unseen;
  }

  private async sendAll(): Promise<void> {
    let endpoint: OwnedEndpoint | null = null;
    while (!this.stopped) {
      if (this.queue.length === 0) {
        if (this.unseen) {
          this.unseen = false;
          const first = endpoint === null;
          endpoint = await this.dependencies.work.open(this.endpointId);
          if (endpoint === null || endpoint.paused) return;
          if (first) this.failures = endpoint.failures;
          await this.fill(endpoint);
        } else if (this.underWay.size > 0) {
          await this.change();
        } else {
          return;
        }
      } else if (this.underWay.size >= (this.failures > 0 ? 1 : AT_ONCE)) {
        await this.change();
      } else {
        const { slots, slotsOfFailing } = this.dependencies;
        const giveBack = await (this.failures > 0 ? slotsOfFailing : slots).take();
        const message = this.stopped ? undefined : this.queue.shift();
        if (message) void this.attempt(endpoint!, message).finally(giveBack);
        else giveBack();
      }
    }
  }

  private async fill(endpoint: OwnedEndpoint): Promise<void> {
    const { maker, messages } = this.dependencies;
    const made = await maker.make(endpoint, this.waiting, new Set(this.underWay.values()));
    this.waiting += made.added;
    this.queue = await messages.due(this.endpointId, BATCH, [...this.underWay.keys()]);
    if (made.more || this.queue.length === BATCH) this.unseen = true;
  }

  private async attempt(endpoint: OwnedEndpoint, message: WaitingMessage): Promise<void> {
    this.underWay.set(message.id, message.event);
    try {
      await this.conclude(message, await this.send(endpoint, message));
    } catch (error) {
      // Broken off, or not to be written down: it is due again when the lease has run out, if nobody does it before.
      this.stopped = true;
      if (!(error instanceof AttemptBrokenOff)) this.fault ??= error;
    } finally {
      this.underWay.delete(message.id);
      // The next state waits for the end of this one.
      if (isState(message.event)) this.unseen = true;
      this.proceed();
    }
  }

  private async conclude(message: WaitingMessage, outcome: AttemptOutcome): Promise<void> {
    const { messages, random } = this.dependencies;
    const delivered = outcome.error === null;
    const retryMs = delivered || outcome.gone ? null : retryDelayMs(message.attempts + 1, outcome.retryAfterMs, random);
    const recorded = await messages.record(this.endpointId, message, outcome, retryMs);
    if (!recorded) {
      this.stopped = true;
      return;
    }
    if (retryMs === null) this.waiting -= 1;
    this.failures = delivered ? 0 : this.failures + 1;
    if (delivered) return;
    const askedMs = Math.min(outcome.retryAfterMs ?? 0, PAUSE_MAX_MS);
    this.pause = Math.max(this.pause, pauseMs(this.failures), askedMs);
    if (this.pause > 0) this.stopped = true;
  }

  private async send(endpoint: OwnedEndpoint, message: WaitingMessage): Promise<AttemptOutcome> {
    const secrets = this.secretsOf(endpoint);
    if (secrets === null) {
      return failed(
        'The secret of this endpoint cannot be read on this server. Make a new one with rotateWebhookSecret.',
      );
    }
    return this.dependencies.post.send(
      { endpointId: endpoint.id, url: endpoint.url, secrets },
      message,
      this.broken.signal,
    );
  }

  /** The newest first; null: the newest cannot be opened, and without it nothing is sent. */
  private secretsOf({ id, workspaceId, secret, previousSecret }: OwnedEndpoint): readonly string[] | null {
    const open = (sealed: SealedSecret | null): readonly string[] => {
      try {
        return sealed === null ? [] : [this.dependencies.sealer.open({ workspaceId, endpointId: id }, sealed)];
      } catch {
        return [];
      }
    };
    const newest = open(secret);
    return newest.length === 0 ? null : [...newest, ...open(previousSecret)];
  }

  /** Resolves when an attempt has ended, or when it was woken or stopped. */
  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.proceed = resolve;
    });
  }
}
