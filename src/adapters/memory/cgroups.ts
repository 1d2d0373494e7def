import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostCgroups } from "../../ports/host-cgroups.ts";

export interface MemoryCgroupsOptions {
  /** @default 2 */
  readonly version?: 1 | 2;
  /** @default ["cpu", "memory", "pids"] */
  readonly controllers?: readonly string[];
  /** Whether the host refuses new groups, as a read-only mount does. @default false */
  readonly readOnly?: boolean;
  /** Files that may not be written. @default none */
  readonly refused?: readonly string[];
}

export interface MemoryCgroups extends HostCgroups {
  /** Puts a process into a group; one that can not be killed stays for ever. */
  addProcess(path: string, options?: { readonly unkillable?: boolean }): void;
  paths(): readonly string[];
}

const FILES: Readonly<Record<string, RegExp>> = {
  cpu: /^cpu\.(shares|weight|max|cfs_quota_us|cfs_period_us)$/,
  memory: /^memory\.(max|limit_in_bytes)$/,
  pids: /^pids\.max$/,
};

/** Control groups without a kernel: keeps what is written, limits nothing. */
export function createMemoryCgroups(options: MemoryCgroupsOptions = {}): MemoryCgroups {
  const { version = 2, controllers = ["cpu", "memory", "pids"], readOnly = false, refused = [] } = options;
  const groups = new Map<string, Map<string, string>>();
  const processes = new Map<string, { readonly unkillable: boolean }[]>();
  const below = (path: string, all: Iterable<string>): readonly string[] =>
    [...all].filter((each) => each === path || each.startsWith(`${path}/`));
  return {
    layout: async () => ({ version, controllers }),
    exists: async (path) => groups.has(path),
    create: async (path) => {
      if (readOnly) throw new OrlopError("Forbidden", `cannot create control group ${path}: read-only file system`);
      const names = path.split("/").filter((name) => name !== "");
      for (const index of names.keys()) {
        const each = `/${names.slice(0, index + 1).join("/")}`;
        if (!groups.has(each)) groups.set(each, new Map());
      }
    },
    write: async (controller, path, file, value) => {
      const group = groups.get(path);
      if (!controllers.includes(controller) || group === undefined || FILES[controller]?.test(file) !== true) {
        throw new OrlopError("Unsupported", `cannot set ${path}/${file} to ${value}: no such file`);
      }
      if (refused.includes(file))
        throw new OrlopError("Forbidden", `cannot set ${path}/${file} to ${value}: not permitted`);
      group.set(file, value);
    },
    read: async (controller, path, file) =>
      controllers.includes(controller) ? groups.get(path)?.get(file) : undefined,
    remove: async (path) => {
      if (below(path, processes.keys()).length > 0) return false;
      for (const each of below(path, groups.keys())) groups.delete(each);
      return true;
    },
    killProcesses: async (path) => {
      let found = 0;
      for (const each of below(path, processes.keys())) {
        const all = processes.get(each) ?? [];
        found += all.length;
        const left = all.filter(({ unkillable }) => unkillable);
        if (left.length === 0) processes.delete(each);
        else processes.set(each, left);
      }
      return found;
    },
    children: async (path) => {
      const names = [...groups.keys()]
        .filter((each) => each.startsWith(`${path}/`))
        .map((each) => each.slice(path.length + 1));
      return names.filter((name) => !name.includes("/"));
    },
    addProcess: (path, { unkillable = false } = {}) => {
      processes.set(path, [...(processes.get(path) ?? []), { unkillable }]);
    },
    paths: () => [...groups.keys()],
  };
}
