/** Which controllers exist and where; a controller missing here can not be limited on this host. */
export interface CgroupLayout {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/**
 * Control groups of the host by path from the root, e.g. "/kubepods/burstable/pod1". On v1 a path stands for the same
 * path in every controller's tree.
 */
export interface HostCgroups {
  /** Throws Unsupported when there are no cgroups that can be used. */
  layout(): Promise<CgroupLayout>;
  exists(path: string): Promise<boolean>;
  /** Creates it and its parents, and on v2 passes the controllers down. */
  create(path: string): Promise<void>;
  /** Writes one file, e.g. ("cpu", path, "cpu.shares", "1024"). Throws Unsupported when the file or controller is missing, Forbidden when it may not be written. */
  write(controller: string, path: string, file: string, value: string): Promise<void>;
  /** undefined when the file or the controller does not exist. */
  read(controller: string, path: string, file: string): Promise<string | undefined>;
  /** Removes the group and its empty children; false when processes are still in it. Missing is fine. */
  remove(path: string): Promise<boolean>;
  /** Kills every process in the group and below it; returns how many there were. */
  killProcesses(path: string): Promise<number>;
  /** Names of direct children. */
  children(path: string): Promise<readonly string[]>;
}
