/** Keys that wait to be worked on, each once however often it was added. */
export interface SignalledSet {
  add(key: string): void;
  isEmpty(): boolean;
  /** Resolves when there is something to take; rejects when aborted. */
  filled(signal: AbortSignal): Promise<void>;
  /** Takes the oldest. @param most default all */
  take(most?: number): readonly string[];
}

/** For one taker. */
export function createSignalledSet(): SignalledSet {
  const keys = new Set<string>();
  let wake = (): void => undefined;
  return {
    add(key) {
      keys.add(key);
      wake();
    },
    isEmpty: () => keys.size === 0,
    async filled(signal) {
      while (keys.size === 0) {
        signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          const settle = (): void => {
            signal.removeEventListener("abort", settle);
            resolve();
          };
          wake = settle;
          signal.addEventListener("abort", settle, { once: true });
        });
      }
      signal.throwIfAborted();
    },
    take(most = Number.POSITIVE_INFINITY) {
      const taken: string[] = [];
      for (const key of keys) {
        if (taken.length >= most) break;
        taken.push(key);
      }
      if (taken.length === keys.size) keys.clear();
      else for (const key of taken) keys.delete(key);
      return taken;
    },
  };
}
