/** Runs at most so many tasks at a time; the others wait in line, in order. */
export type Limited = <T>(task: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** @param most undefined: no limit */
export function createLimited(most: number | undefined): Limited {
  let free = most ?? Number.POSITIVE_INFINITY;
  const waiting = new Set<() => void>();
  const release = (): void => {
    const [next] = waiting;
    // The place goes to the next in line without ever being free.
    if (next === undefined) free++;
    else next();
  };
  return async (task, signal) => {
    signal.throwIfAborted();
    if (free > 0) free--;
    else await turn(waiting, signal);
    try {
      return await task();
    } finally {
      release();
    }
  };
}

function turn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (): void => {
      waiting.delete(go);
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      waiting.delete(go);
      reject(signal.reason);
    };
    waiting.add(go);
    signal.addEventListener("abort", stop, { once: true });
  });
}
