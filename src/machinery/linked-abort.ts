export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Lets go of the outer signal. */
  release(): void;
}

/**
 * A signal of its own that also aborts with `outer`. Unlike AbortSignal.any it lets go of `outer` when released, so that
 * a signal that lives as long as the process does not collect one entry for each thing ever started under it.
 */
export function linkAbort(outer: AbortSignal): LinkedAbort {
  const own = new AbortController();
  const follow = (): void => own.abort(outer.reason);
  if (outer.aborted) follow();
  else outer.addEventListener("abort", follow, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => outer.removeEventListener("abort", follow),
  };
}
