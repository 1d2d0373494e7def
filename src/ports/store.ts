/** One durable object: an opaque value under a key. */
export interface StoredEntry {
  /** e.g. "/core/pods/default/web-0". No NUL; at most 1,900 bytes of UTF-8. */
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the commit that wrote it. */
  readonly revision: number;
}

export type Mutation =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array; readonly revision: number }
  | { readonly type: "delete"; readonly key: string; readonly revision: number };

/**
 * Durable key-value storage of the embedded API server. It keeps no history and takes no decisions: revisions are given
 * by its single writer, one level up.
 *
 * Guarantees: a resolved commit survives kill -9 and power loss (as far as the disk honours fsync); a batch is seen
 * whole or not at all after a crash; `revision()` never goes back.
 * Assumes: one process has the store open (enforced by a lock; a second open fails with Conflict).
 */
export interface Store {
  /** Highest revision ever committed, 0 for a new store. */
  revision(): number;
  /** All live entries in key order. Not to be mixed with commits in between. */
  load(): Iterable<StoredEntry>;
  /**
   * Applies all mutations atomically. Calls may overlap: they are applied in call order and share one fsync (group
   * commit). When one fails nothing of it is applied, and calls made before the failure was reported fail with it.
   */
  commit(mutations: readonly Mutation[]): Promise<void>;
  /** Waits for pending commits, then closes. Later calls throw Unavailable. */
  close(): Promise<void>;
}
