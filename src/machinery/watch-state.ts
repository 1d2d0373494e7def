/**
 * What keeping a copy of a collection does next. Listing gives a resourceVersion to watch from; a watch moves it on; what
 * fails is tried again after a pause; a version the server no longer has means listing again.
 */
export type WatchState =
  | { readonly at: "listing"; readonly failures: number }
  | { readonly at: "watching"; readonly resourceVersion: string; readonly failures: number }
  | { readonly at: "pausing"; readonly resourceVersion: string | undefined; readonly failures: number };

export type WatchInput =
  | { readonly type: "listed"; readonly resourceVersion: string }
  /** The watch delivered a change or a bookmark. */
  | { readonly type: "progressed"; readonly resourceVersion: string }
  /** The server ended the watch in good order; early means sooner than a watch is worth making. */
  | { readonly type: "ended"; readonly early: boolean }
  /** The server no longer knows the resourceVersion (410). */
  | { readonly type: "expired" }
  | { readonly type: "failed" }
  | { readonly type: "paused" };

export type WatchCommand =
  | { readonly do: "list" }
  | { readonly do: "watch"; readonly resourceVersion: string }
  /** Wait by back-off after so many failures in a row. */
  | { readonly do: "pause"; readonly failures: number }
  /** Go on with the running watch. */
  | { readonly do: "continue" };

export const INITIAL_WATCH: readonly [WatchState, WatchCommand] = [{ at: "listing", failures: 0 }, { do: "list" }];

/** After so many failures to watch, the version itself is doubted: the server may have been replaced. */
const DOUBT_VERSION_AFTER = 3;

export function step(state: WatchState, input: WatchInput): readonly [WatchState, WatchCommand] {
  switch (input.type) {
    case "listed":
      // Only a watch that goes well ends a row of failures, or lists and refused watches would follow each other unpaused.
      return watchFrom(input.resourceVersion, state.failures);
    case "progressed":
      return [{ at: "watching", resourceVersion: input.resourceVersion, failures: 0 }, { do: "continue" }];
    case "ended":
      // A watch that ends at once, again and again, must not become a busy loop.
      return state.at === "watching" && !input.early
        ? watchFrom(state.resourceVersion, 0)
        : pause(state, "keep-version");
    case "expired":
      return state.failures === 0 ? [{ at: "listing", failures: 1 }, { do: "list" }] : pause(state, "drop-version");
    case "failed":
      return pause(state, state.failures + 1 < DOUBT_VERSION_AFTER ? "keep-version" : "drop-version");
    case "paused":
      return state.at === "pausing" && state.resourceVersion !== undefined
        ? watchFrom(state.resourceVersion, state.failures)
        : [{ at: "listing", failures: state.failures }, { do: "list" }];
  }
}

function watchFrom(resourceVersion: string, failures: number): readonly [WatchState, WatchCommand] {
  return [
    { at: "watching", resourceVersion, failures },
    { do: "watch", resourceVersion },
  ];
}

function pause(state: WatchState, version: "keep-version" | "drop-version"): readonly [WatchState, WatchCommand] {
  const failures = state.failures + 1;
  const resourceVersion = state.at === "listing" || version === "drop-version" ? undefined : state.resourceVersion;
  return [
    { at: "pausing", resourceVersion, failures },
    { do: "pause", failures },
  ];
}
