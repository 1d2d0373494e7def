/**
 * Where the ID mappings of pods survive a restart: one small file in each pod's directory (user-namespaces.md 4.1).
 * A rejected call means "can not tell"; nothing may be released on it.
 */
export interface MappingStore {
  /** Pods that have a directory on disk, with or without a mapping. */
  pods(signal: AbortSignal): Promise<readonly string[]>;
  /** The file's text, "" of one that lost its contents; undefined when there is none. */
  read(podUid: string, signal: AbortSignal): Promise<string | undefined>;
  /** Durable when resolved: a crash leaves the old file or the new one, whole. */
  write(podUid: string, text: string, signal: AbortSignal): Promise<void>;
  /** Also what an interrupted write() left. Safe to repeat. */
  remove(podUid: string, signal: AbortSignal): Promise<void>;
}
