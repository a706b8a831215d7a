/** The single backend that all connections share. */
export interface EngineBackend {
  /**
   * Runs frontend messages; `onAnswer` gets the backend's bytes, valid only during the call. SQL errors are answers;
   * it rejects only when the engine itself is gone.
   */
  execute(messages: Uint8Array, onAnswer: (bytes: Uint8Array) => void): Promise<void>;
  /** Whether BEGIN has run and neither COMMIT nor ROLLBACK; a failed transaction counts. */
  inTransaction(): boolean;
}

export interface EngineTurnsOptions {
  /** How long a client may stay inside a transaction without a statement while it keeps the engine from all others. */
  readonly idleInTransactionMs: number;
  /** Told when that time is up; the transaction has been given up by then. */
  onIdle(client: object): void;
  /** The engine is gone; nothing more runs. */
  onBroken(cause: unknown): void;
}

interface Turn {
  /** null: the engine's own upkeep, which belongs to no client. */
  readonly client: object | null;
  /** The client will send more of the same extended query, so nobody else may come between. */
  readonly unfinished: boolean;
  run(): Promise<void>;
}

function message(type: string, body = ''): Uint8Array {
  const bytes = Buffer.from(`${type}\0\0\0\0${body}`);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}
const SYNC = message('S');
const ROLLBACK = message('Q', 'ROLLBACK\0');
const ignore = (): void => {};

/**
 * Who may use the engine, and when. One turn runs at a time, first come, first served; a client that has opened a
 * transaction keeps the engine until it has ended it, or has left, and then it is rolled back.
 */
export class EngineTurns {
  private waiting: Turn[] = [];
  private readonly gone = new WeakSet<object>();
  private owner: Turn | null = null;
  private running = false;
  private broken = false;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly backend: EngineBackend,
    private readonly options: EngineTurnsOptions,
  ) {}

  /** Queues messages of a client. */
  take(client: object, messages: Uint8Array, unfinished: boolean, onAnswer: (bytes: Uint8Array) => void): void {
    if (this.gone.has(client)) return;
    this.add({ client, unfinished, run: () => this.backend.execute(messages, onAnswer) });
  }

  /** Queues work of the engine's own, which runs while no client is inside a transaction. */
  takeOwn(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.add({ client: null, unfinished: false, run: () => work().then(resolve, reject) });
    });
  }

  /** Forgets a client for good: what it had queued never runs, and its transaction is rolled back. */
  leave(client: object): void {
    this.gone.add(client);
    this.waiting = this.waiting.filter((turn) => turn.client !== client);
    void this.work();
  }

  private add(turn: Turn): void {
    this.waiting.push(turn);
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.running) return;
    this.running = true;
    clearTimeout(this.idleTimer);
    try {
      for (let turn = this.next(); turn && !this.broken; turn = this.next()) {
        await turn.run();
        if (turn.client) this.owner = turn.unfinished || this.backend.inTransaction() ? turn : null;
        // The answers go out and new messages and departures come in between two turns.
        await new Promise(setImmediate);
      }
    } catch (cause) {
      this.broken = true;
      this.options.onBroken(cause);
    } finally {
      this.running = false;
    }
    this.watchOwner();
  }

  private next(): Turn | undefined {
    const owner = this.owner;
    if (!owner) return this.waiting.shift();
    if (this.gone.has(owner.client!)) return this.giveUp(owner);
    const index = this.waiting.findIndex((turn) => turn.client === owner.client);
    return index === -1 ? undefined : this.waiting.splice(index, 1)[0];
  }

  private giveUp(owner: Turn): Turn {
    return {
      client: owner.client,
      unfinished: false,
      run: async () => {
        if (owner.unfinished) await this.backend.execute(SYNC, ignore);
        if (this.backend.inTransaction()) await this.backend.execute(ROLLBACK, ignore);
      },
    };
  }

  private watchOwner(): void {
    const client = this.owner?.client;
    if (!client || this.broken) return;
    this.idleTimer = setTimeout(() => {
      this.leave(client);
      this.options.onIdle(client);
    }, this.options.idleInTransactionMs);
  }
}
