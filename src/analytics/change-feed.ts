interface Watched {
  version: number;
  readonly listeners: Set<() => void>;
}

/** What is followed of a workspace. */
export interface ChangeWatch {
  /** Another one after each change; readers of the same version can share what they read. */
  readonly version: number;
  stop(): void;
}

/** Tells any number of readers that something about a workspace has changed; what it is, they read themselves. */
export class ChangeFeed {
  /** Of all workspaces together, so that no version of one ever comes again. */
  private count = 0;
  private readonly workspaces = new Map<string, Watched>();

  changed(workspaceId: string): void {
    const watched = this.touch(workspaceId);
    if (watched) for (const listener of [...watched.listeners]) listener();
  }

  /**
   * A change of which `changed` will tell soon. Nobody is called for it, but who looks at the version meanwhile finds
   * another one.
   */
  expected(workspaceId: string): void {
    this.touch(workspaceId);
  }

  changedEverywhere(): void {
    for (const workspaceId of [...this.workspaces.keys()]) this.changed(workspaceId);
  }

  /** Workspaces that somebody follows. */
  watched(): string[] {
    return [...this.workspaces.keys()];
  }

  /** Calls the listener after each change, in the same turn, until it is stopped. */
  watch(workspaceId: string, listener: () => void): ChangeWatch {
    let watched = this.workspaces.get(workspaceId);
    if (!watched) {
      this.count += 1;
      watched = { version: this.count, listeners: new Set() };
      this.workspaces.set(workspaceId, watched);
    }
    const current = watched;
    // A function of its own for each watch, whoever listens.
    const call = (): void => listener();
    current.listeners.add(call);
    return {
      get version() {
        return current.version;
      },
      stop: () => {
        current.listeners.delete(call);
        if (current.listeners.size === 0 && this.workspaces.get(workspaceId) === current) {
          this.workspaces.delete(workspaceId);
        }
      },
    };
  }

  /**
   * Yields at once and then after each change; changes while the reader is busy count as one. Each value is the version
   * that was current.
   */
  async *follow(workspaceId: string, signal: AbortSignal): AsyncGenerator<number, void, void> {
    let wake = (): void => {};
    const watch = this.watch(workspaceId, () => wake());
    const abort = (): void => wake();
    signal.addEventListener('abort', abort, { once: true });
    try {
      let seen = -1;
      while (!signal.aborted) {
        const { version } = watch;
        if (seen === version) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        seen = version;
        yield seen;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      watch.stop();
    }
  }

  private touch(workspaceId: string): Watched | undefined {
    const watched = this.workspaces.get(workspaceId);
    if (!watched) return undefined;
    this.count += 1;
    watched.version = this.count;
    return watched;
  }
}
