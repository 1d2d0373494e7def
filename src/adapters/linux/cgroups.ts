import { mkdir, readFile, readdir, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { CgroupLayout, HostCgroups } from "../../ports/host-cgroups.ts";
import type { MountEntry } from "../../ports/host-mounts.ts";
import { parseMountInfo } from "./mountinfo.ts";

/** Controllers a kubelet limits or counts with. */
const USED_CONTROLLERS = ["cpu", "cpuacct", "cpuset", "memory", "hugetlb", "pids", "io", "blkio"];

interface Hierarchy {
  readonly layout: CgroupLayout;
  /** Controller to the mount point of its tree. */
  readonly roots: ReadonlyMap<string, string>;
  /** Every tree once. */
  readonly trees: readonly string[];
}

function codeOf(reason: unknown): string {
  return typeof reason === "object" && reason !== null && "code" in reason ? String(reason.code) : "";
}

/** Reads the layout out of the mount table: one v2 tree at /sys/fs/cgroup, or v1 trees (a v2 "unified" beside them counts as none). */
export function describeHierarchy(
  mounts: readonly MountEntry[],
  v2Controllers: readonly string[],
): Hierarchy | undefined {
  const roots = new Map<string, string>();
  for (const mount of mounts.filter(({ filesystem }) => filesystem === "cgroup")) {
    for (const option of mount.superOptions) {
      if (USED_CONTROLLERS.includes(option) && !roots.has(option)) roots.set(option, mount.target);
    }
  }
  if (roots.size > 0) {
    return { layout: { version: 1, controllers: [...roots.keys()] }, roots, trees: [...new Set(roots.values())] };
  }
  const unified = mounts.find(({ filesystem }) => filesystem === "cgroup2");
  if (unified === undefined) return undefined;
  const controllers = v2Controllers.filter((name) => USED_CONTROLLERS.includes(name));
  return {
    layout: { version: 2, controllers },
    roots: new Map(controllers.map((name) => [name, unified.target])),
    trees: [unified.target],
  };
}

/** Control groups of this host. The layout is read once, at the first call. */
export function createLinuxCgroups(): HostCgroups {
  let pending: Promise<Hierarchy> | undefined;
  const hierarchy = (): Promise<Hierarchy> => {
    pending ??= readHierarchy();
    return pending;
  };
  return {
    layout: async () => (await hierarchy()).layout,
    exists: async (path) => {
      const { trees } = await hierarchy();
      const found = await Promise.all(
        trees.map((tree) =>
          stat(join(tree, path)).then(
            () => true,
            () => false,
          ),
        ),
      );
      return found.every(Boolean);
    },
    create: async (path) => create(await hierarchy(), path),
    write: async (controller, path, file, value) => write(await hierarchy(), controller, path, file, value),
    read: async (controller, path, file) => {
      const root = (await hierarchy()).roots.get(controller);
      if (root === undefined) return undefined;
      return readFile(join(root, path, file), "utf8").then(
        (text) => text.trim(),
        () => undefined,
      );
    },
    remove: async (path) => {
      const { trees } = await hierarchy();
      const gone = await Promise.all(trees.map((tree) => removeGroup(join(tree, path))));
      return gone.every(Boolean);
    },
    killProcesses: async (path) => killProcesses(await hierarchy(), path),
    children: async (path) => {
      const [tree] = (await hierarchy()).trees;
      const entries = await readdir(join(tree ?? "", path), { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    },
  };
}

async function readHierarchy(): Promise<Hierarchy> {
  const mounts = parseMountInfo(await readFile("/proc/self/mountinfo", "utf8")) ?? [];
  const unified = mounts.find(({ filesystem }) => filesystem === "cgroup2");
  const controllers =
    unified === undefined
      ? []
      : (await readFile(join(unified.target, "cgroup.controllers"), "utf8").catch(() => "")).trim().split(" ");
  const found = describeHierarchy(mounts, controllers);
  if (found === undefined) {
    throw new OrlopError("Unsupported", "no control groups are mounted: mount cgroup2 at /sys/fs/cgroup");
  }
  return found;
}

async function create({ layout, trees }: Hierarchy, path: string): Promise<void> {
  for (const tree of trees) {
    let current = tree;
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (layout.version === 2) await passControllersDown(current, layout.controllers);
      const parent = current;
      current = join(current, name);
      const created = await mkdir(current).then(
        () => true,
        (reason: unknown) => {
          if (codeOf(reason) === "EEXIST") return false;
          throw new OrlopError("Forbidden", `cannot create control group ${current}: ${messageOf(reason)}`, {
            cause: reason,
          });
        },
      );
      // A v1 cpuset without CPUs and memory nodes takes no process.
      if (created && layout.version === 1) await inheritCpuset(parent, current);
    }
  }
}

async function passControllersDown(folder: string, controllers: readonly string[]): Promise<void> {
  const enabled = (await readFile(join(folder, "cgroup.subtree_control"), "utf8").catch(() => "")).trim().split(" ");
  for (const controller of controllers.filter((name) => !enabled.includes(name))) {
    // One at a time, so that one that is refused does not take the others with it; its limits then fail with their own message.
    await writeFile(join(folder, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
  }
}

async function inheritCpuset(parent: string, child: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const value = await readFile(join(parent, file), "utf8").catch(() => "");
    if (value.trim() !== "") await writeFile(join(child, file), value.trim()).catch(() => undefined);
  }
}

async function write(
  { roots }: Hierarchy,
  controller: string,
  path: string,
  file: string,
  value: string,
): Promise<void> {
  const root = roots.get(controller);
  if (root === undefined) throw new OrlopError("Unsupported", `this host has no ${controller} controller`);
  const target = join(root, path, file);
  try {
    await writeFile(target, value, { flag: "r+" });
  } catch (cause) {
    const code = codeOf(cause);
    const kind = code === "ENOENT" ? "Unsupported" : code === "EACCES" || code === "EPERM" ? "Forbidden" : "Internal";
    throw new OrlopError(kind, `cannot set ${target} to ${value}: ${messageOf(cause)}`, { cause });
  }
}

async function killProcesses({ trees }: Hierarchy, path: string): Promise<number> {
  const found = new Set<number>();
  for (const tree of trees) for (const id of await processesIn(join(tree, path))) found.add(id);
  for (const id of found) {
    try {
      process.kill(id, "SIGKILL");
    } catch (reason) {
      // It ended by itself in the meantime.
      if (codeOf(reason) !== "ESRCH") throw reason;
    }
  }
  return found.size;
}

async function processesIn(folder: string): Promise<readonly number[]> {
  const text = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
  const own = text
    .split("\n")
    .map(Number)
    // 0 stands for a process of another PID namespace: it can not be named from here.
    .filter((id) => id > 1);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => processesIn(join(folder, entry.name))),
  );
  return [...own, ...below.flat()];
}

async function removeGroup(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((reason: unknown) => {
    if (codeOf(reason) === "ENOENT") return undefined;
    throw reason;
  });
  if (entries === undefined) return true;
  for (const entry of entries) {
    if (entry.isDirectory() && !(await removeGroup(join(folder, entry.name)))) return false;
  }
  return rmdir(folder).then(
    () => true,
    (reason: unknown) => codeOf(reason) === "ENOENT",
  );
}
