import { type LinkedAbort, linkAbort } from "../../machinery/linked-abort.ts";

/** A signal that many follow, each for a while. */
export interface Life {
  readonly signal: AbortSignal;
  /** A signal that ends with this one; release it when done. Costs this one nothing that stays. */
  branch(): LinkedAbort;
}

/**
 * Gives out branches of a signal. A signal warns when it has many listeners and forgets none of what it was combined
 * with; this one keeps a set instead, and listens once.
 */
export function createLife(signal: AbortSignal): Life {
  const branches = new Set<AbortController>();
  signal.addEventListener(
    "abort",
    () => {
      for (const branch of branches) branch.abort(signal.reason);
      branches.clear();
    },
    { once: true },
  );
  return {
    signal,
    branch() {
      if (signal.aborted) return linkAbort(signal);
      const own = new AbortController();
      branches.add(own);
      return {
        signal: own.signal,
        abort: (reason) => own.abort(reason),
        release: () => branches.delete(own),
      };
    },
  };
}
