/**
 * An async iterator over a generator that ends at once when its reader leaves. A bare generator would finish the step
 * it waits in first, which may be never.
 */
export function abortableIterator<T>(
  generate: (signal: AbortSignal) => AsyncGenerator<T, void, void>,
  onLeave?: () => void,
): AsyncIterableIterator<T, void, void> {
  const controller = new AbortController();
  const generator = generate(controller.signal);
  let left = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => (left ? Promise.resolve({ done: true, value: undefined }) : generator.next()),
    async return() {
      if (!left) {
        left = true;
        onLeave?.();
        controller.abort();
        void generator.return().catch(() => {});
      }
      return { done: true, value: undefined };
    },
    async throw(error) {
      await this.return?.();
      throw error;
    },
  };
}
