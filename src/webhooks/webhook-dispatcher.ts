import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { EndpointRun, type RunDependencies } from './endpoint-run';
import type { OutboundRules } from './endpoint-url';
import { type EndpointWork, LEASE_SECONDS } from './endpoint-work';
import { MessageMaker } from './message-maker';
import { MessagePost } from './message-post';
import { Slots } from './slots';
import type { WaitingMessages } from './waiting-messages';
import type { WebhookSecretSealer } from './webhook-secret';
import type { WebhookSources } from './webhook-sources';

/** How often it looks for what nobody has told it: events of processes that died, retries, changes made beside us. */
const LOOK_MS = 5_000;
/** What wakes us within so long is looked at together. */
const GATHER_MS = 50;
/** A state is told once a second; what changed within it is looked at again when it is over. */
const AGAIN_MS = 1_100;
/** How often leases are renewed. */
const RENEW_MS = (LEASE_SECONDS * 1_000) / 3;
/** Messages under way at once, of all endpoints, and of those that fail. */
const SLOTS = 32;
const SLOTS_OF_FAILING = 8;
/** Endpoints that this process works for at once. */
const RUNS_MAX = 256;
/** When the server stops, attempts have this long to end. */
const CLOSE_MS = 2_000;

export interface DispatcherDependencies extends OutboundRules {
  readonly clock: Clock;
  readonly work: EndpointWork;
  readonly messages: WaitingMessages;
  readonly sources: WebhookSources;
  readonly sealer: WebhookSecretSealer;
  readonly onError: (error: unknown) => void;
  readonly random?: () => number;
}

/**
 * Sends webhooks: every process has one, and an endpoint is worked for by one of them at a time. It is woken by commits
 * and looks for itself now and then, so a message is late at worst, and never lost.
 */
export class WebhookDispatcher {
  private readonly runs = new Map<string, { readonly run: EndpointRun; readonly workspaceId: string }>();
  private readonly ended = new Set<Promise<void>>();
  /** Looks that are under way. */
  private readonly looking = new Set<Promise<void>>();
  private readonly run: RunDependencies;
  /** Workspaces with endpoints; null: not known yet. */
  private listening: Set<string> | null = null;
  private woken = new Set<string>();
  /** To be looked at again at the next turn, and at the one after it. */
  private again = new Set<string>();
  private againLater = new Set<string>();
  /** Endpoints may be left that there was no room for. */
  private crowded = false;
  private started = false;
  private closed = false;
  private lookAt = Number.POSITIVE_INFINITY;
  private cancelLook: () => void = () => {};
  private isLooking = false;
  private isLookWanted = false;
  private readonly cancels = new Map<'renew' | 'gather' | 'again', () => void>();

  constructor(private readonly dependencies: DispatcherDependencies) {
    const { clock, work, messages, sources, sealer, random = Math.random } = dependencies;
    this.run = {
      work,
      messages,
      sealer,
      random,
      maker: new MessageMaker({ clock, messages, sources }),
      post: new MessagePost(dependencies),
      slots: new Slots(SLOTS),
      slotsOfFailing: new Slots(SLOTS_OF_FAILING),
    };
  }

  start(): void {
    this.started = true;
    this.lookWithin(0);
  }

  /** Something of a workspace was committed. Costs nothing where nobody listens; never throws, never waits. */
  wake(workspaceId: string): void {
    if (!this.started || this.listening?.has(workspaceId) === false) return;
    this.woken.add(workspaceId);
    this.once('gather', GATHER_MS, () => {
      const woken = this.woken;
      this.woken = new Set();
      for (const id of woken) this.againLater.add(id);
      this.lookAgain();
      this.background(this.lookFor([...woken]));
    });
  }

  private lookAgain(): void {
    this.once('again', AGAIN_MS, () => {
      const again = this.again;
      this.again = this.againLater;
      this.againLater = new Set();
      if (this.again.size > 0) this.lookAgain();
      if (again.size > 0) this.background(this.lookFor([...again]));
    });
  }

  /** A workspace has an endpoint. */
  listen(workspaceId: string): void {
    this.listening?.add(workspaceId);
  }

  /** An endpoint was deleted: no attempt for it begins any more. */
  forget(endpointId: string): void {
    this.runs.get(endpointId)?.run.stop();
  }

  /** Looks once for everything that is due, and resolves when all of it was tried. */
  async round(): Promise<void> {
    await this.look();
    while (this.ended.size > 0) await Promise.all(this.ended);
  }

  /** Learns which workspaces have endpoints, wherever they were made. */
  async refresh(): Promise<void> {
    this.listening = new Set(await this.dependencies.work.workspaces());
  }

  /** Ends after the attempts that are under way, if they end soon; the others are made again by another process. */
  async close(): Promise<void> {
    this.closed = true;
    this.started = false;
    this.cancelLook();
    for (const cancel of this.cancels.values()) cancel();
    for (const { run } of this.runs.values()) run.stop();
    // What a look takes by now is let go again.
    const all = Promise.all(this.looking).then(() => Promise.all(this.ended));
    await withDeadline(all, CLOSE_MS, this.dependencies.clock, 'webhooks under way').catch(() => {
      for (const { run } of this.runs.values()) run.breakOff();
    });
    await all;
    await this.run.post.close();
  }

  private lookWithin(ms: number): void {
    const at = this.dependencies.clock.monotonic() + ms;
    if (!this.started || at >= this.lookAt) return;
    this.cancelLook();
    this.lookAt = at;
    this.cancelLook = this.dependencies.clock.schedule(() => {
      this.lookAt = Number.POSITIVE_INFINITY;
      this.lookOnce();
      this.lookWithin(LOOK_MS);
    }, ms);
  }

  /** Looks never pile up on a database that is slow: what comes due meanwhile is one more look. */
  private lookOnce(): void {
    if (this.isLooking) {
      this.isLookWanted = true;
      return;
    }
    this.isLooking = true;
    const look = this.look().finally(() => {
      this.isLooking = false;
      if (!this.isLookWanted || this.closed) return;
      this.isLookWanted = false;
      this.lookOnce();
    });
    this.background(look);
  }

  private async look(): Promise<void> {
    if (this.listening === null) await this.refresh();
    await this.claim(null);
  }

  private async lookFor(workspaceIds: readonly string[]): Promise<void> {
    const asked = new Set(workspaceIds);
    for (const { run, workspaceId } of this.runs.values()) if (asked.has(workspaceId)) run.wake();
    await this.claim(workspaceIds);
  }

  private async claim(workspaceIds: readonly string[] | null): Promise<void> {
    const room = RUNS_MAX - this.runs.size;
    this.crowded ||= room <= 0;
    if (this.closed || room <= 0) return;
    const claimed = await this.dependencies.work.claim(room, workspaceIds);
    this.crowded = claimed.length === room;
    for (const { id, workspaceId } of claimed) {
      this.listening?.add(workspaceId);
      this.begin(id, workspaceId);
    }
  }

  private begin(endpointId: string, workspaceId: string): void {
    // A lease that ran out under a run of ours: it will find its messages written down by another.
    this.runs.get(endpointId)?.run.stop();
    const run = new EndpointRun(endpointId, this.run);
    this.runs.set(endpointId, { run, workspaceId });
    if (this.closed) run.stop();
    const ended = run
      .run()
      .catch((error) => {
        this.dependencies.onError(error);
        return null;
      })
      .then((waitMs) => {
        this.ended.delete(ended);
        if (this.runs.get(endpointId)?.run === run) this.runs.delete(endpointId);
        if (waitMs !== null && waitMs < LOOK_MS) this.lookWithin(waitMs);
        if (run.mayHaveMissed) this.wake(workspaceId);
        if (this.crowded) this.lookWithin(0);
      });
    this.ended.add(ended);
    this.once('renew', RENEW_MS, () => this.background(this.renew()));
  }

  private async renew(): Promise<void> {
    if (this.runs.size === 0 || this.closed) return;
    this.once('renew', RENEW_MS, () => this.background(this.renew()));
    const runs = [...this.runs.values()];
    const ours = await this.dependencies.work.renew(runs.map(({ run }) => run.endpointId));
    for (const { run } of runs) if (!ours.has(run.endpointId)) run.stop();
  }

  /** Does a task after a while, unless it is to be done already. */
  private once(name: 'renew' | 'gather' | 'again', ms: number, task: () => void): void {
    if (this.closed || this.cancels.has(name)) return;
    this.cancels.set(
      name,
      this.dependencies.clock.schedule(() => {
        this.cancels.delete(name);
        task();
      }, ms),
    );
  }

  private background(work: Promise<void>): void {
    const done = work.catch(this.dependencies.onError).finally(() => this.looking.delete(done));
    this.looking.add(done);
  }
}
