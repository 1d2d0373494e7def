/** One line of /proc/self/mountinfo. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** major:minor */
  readonly device: string;
  /** What of the filesystem is mounted, "/" for all of it. */
  readonly root: string;
  readonly target: string;
  readonly options: readonly string[];
  readonly shared: boolean;
  readonly filesystem: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

export interface MountRequest {
  readonly source: string;
  /** Must exist. */
  readonly target: string;
  /** Absent for bind mounts. */
  readonly filesystem?: string;
  /** As for mount -o, e.g. ["bind"], ["remount", "ro", "bind"], ["size=1048576"]. */
  readonly options: readonly string[];
}

/** Mounts of the host. Every failure is an OrlopError with the text of the tool or kernel. */
export interface HostMounts {
  /** All mounts in this mount namespace, parents first. Throws when it can not tell. */
  list(signal: AbortSignal): Promise<readonly MountEntry[]>;
  mount(request: MountRequest, signal: AbortSignal): Promise<void>;
  /** Unmounts the topmost mount at `target`; not mounted is fine. Throws Conflict while it is busy. */
  unmount(target: string, signal: AbortSignal): Promise<void>;
}

/**
 * Work on a path inside a volume that a container may change at the same moment. Every component is opened relative to
 * the one before and without following links, so nothing outside of `base` is ever touched.
 */
export interface VolumeSubpaths {
  /** Creates missing directories of `relative` with `mode` below `base`; owners as the parent's fsGroup rule gives them. */
  makeDirectories(base: string, relative: string, mode: number): Promise<void>;
  /** Binds base/relative (links resolved inside `base`) to `target`, which is created as file or directory to fit. */
  bind(base: string, relative: string, target: string, signal: AbortSignal): Promise<void>;
}
