/** Tells any number of waiting readers that something about a workspace has changed; what it is, they read themselves. */
export class ChangeFeed {
  /** Of all workspaces together, so that no version of one ever comes again. */
  private count = 0;
  private readonly versions = new Map<string, { version: number; readers: number; wake: (() => void)[] }>();

  changed(workspaceId: string): void {
    const entry = this.versions.get(workspaceId);
    if (!entry) return;
    this.count += 1;
    entry.version = this.count;
    const waiting = entry.wake;
    entry.wake = [];
    for (const wake of waiting) wake();
  }

  changedEverywhere(): void {
    for (const workspaceId of this.versions.keys()) this.changed(workspaceId);
  }

  watched(): string[] {
    return [...this.versions.keys()];
  }

  /**
   * Yields at once and then after each change; changes while the reader is busy count as one. Each value is the version
   * that was current, so that readers of the same version can share what they read.
   */
  async *follow(workspaceId: string, signal: AbortSignal): AsyncGenerator<number, void, void> {
    let entry = this.versions.get(workspaceId);
    if (!entry) {
      this.count += 1;
      entry = { version: this.count, readers: 0, wake: [] };
      this.versions.set(workspaceId, entry);
    }
    entry.readers += 1;
    const current = entry;
    const wakeUp = (): void => {
      const waiting = current.wake;
      current.wake = [];
      for (const wake of waiting) wake();
    };
    signal.addEventListener('abort', wakeUp, { once: true });
    try {
      let seen = -1;
      while (!signal.aborted) {
        if (seen === entry.version) {
          await new Promise<void>((resolve) => current.wake.push(resolve));
          continue;
        }
        seen = entry.version;
        yield seen;
      }
    } finally {
      signal.removeEventListener('abort', wakeUp);
      entry.readers -= 1;
      if (entry.readers === 0) this.versions.delete(workspaceId);
    }
  }
}
