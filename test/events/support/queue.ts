/** What was heard, in order; `next` waits for the first that was not taken yet. */
export class Queue<T> {
  private readonly items: T[] = [];
  private readonly waiting: ((item: T) => void)[] = [];

  readonly push = (item: T): void => {
    const taker = this.waiting.shift();
    if (taker) taker(item);
    else this.items.push(item);
  };

  next(): Promise<T> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift()!);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Takes until `wanted` holds; answers the item for which it did. */
  async until(wanted: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next();
      if (wanted(item)) return item;
    }
  }

  get untaken(): readonly T[] {
    return this.items;
  }
}
