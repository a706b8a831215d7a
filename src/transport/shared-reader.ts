import { AppError } from '../lib/errors';
import type { ClientSocket } from './client-socket';
import type { SharedSubscription } from './shared-subscription';

/** What a socket must be for its readers. */
export type Outlet = Pick<ClientSocket, 'push' | 'isFull' | 'whenDrained'>;

const DONE: IteratorReturnResult<void> = { done: true, value: undefined };

/**
 * One subscription among those that share their events. To the protocol it is an iterator that has no value of its own:
 * events go straight to the socket, and it ends when the subscription does.
 */
export class SharedReader<Event extends object> {
  isLive = false;
  isOver = false;
  private wasLive = false;
  private finish: ((done: IteratorReturnResult<void>) => void) | null = null;
  private readonly head: string;

  /**
   * @param id of the subscription on its socket
   * @param position of the last event that it has seen
   */
  constructor(
    private readonly shared: SharedSubscription<Event>,
    private readonly outlet: Outlet,
    id: string,
    public position: number,
    private readonly onLeave: () => void,
  ) {
    this.head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
    shared.add(this);
  }

  /** An event of which those who are up to date are told. */
  deliver(payload: string, position: number): void {
    if (position <= this.position) return;
    if (!this.isLive) {
      if (this.wasLive && position - this.position > this.shared.behindMax) this.fail(this.shared.failureOf(tooSlow()));
    } else if (!this.waitsForRoom()) this.push(payload, position);
  }

  push(payload: string, position: number): void {
    this.position = position;
    this.outlet.push(`${this.head}${payload}}`);
  }

  /** Whether the socket is full. Then the reader goes on by himself when it takes more. */
  waitsForRoom(): boolean {
    if (!this.outlet.isFull) return false;
    this.wasLive ||= this.isLive;
    this.isLive = false;
    this.outlet.whenDrained(this);
    return true;
  }

  resume(): void {
    if (!this.isOver) void this.shared.follow(this);
  }

  /** Ends the subscription with one last payload. */
  fail(payload: string): void {
    if (this.isOver) return;
    this.outlet.push(`${this.head}${payload}}`);
    this.leave();
  }

  /** Begins with the first call; resolves when the subscription is over. */
  next(): Promise<IteratorResult<never, void>> {
    if (this.isOver || this.finish) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.finish = resolve;
      void this.shared.follow(this);
    });
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.leave();
    return DONE;
  }

  async throw(error: unknown): Promise<never> {
    this.leave();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private leave(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isLive = false;
    this.shared.remove(this);
    this.onLeave();
    this.finish?.(DONE);
  }
}

const tooSlow = (): AppError =>
  new AppError(
    'SLOW_CONSUMER',
    'The events were read too slowly, so this subscription was ended. Subscribe again; with after, where there is a cursor, nothing is missed.',
  );
