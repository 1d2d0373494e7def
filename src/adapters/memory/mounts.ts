import { splitMountOptions } from "../../lib/mount-options.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostMounts, MountEntry, MountRequest } from "../../ports/host-mounts.ts";

/** A mount table without a kernel. Filesystems are told apart by their source. */
export interface MemoryMounts extends HostMounts {
  /** The table itself, for whoever plays the host. */
  readonly table: MountEntry[];
}

export function createMemoryMounts(options: { readonly seLinux?: boolean } = {}): MemoryMounts {
  const table: MountEntry[] = [];
  let next = 1;
  const deviceOf = (source: string): string => table.find((entry) => entry.source === source)?.device ?? `0:${next}`;
  return {
    table,
    list: async () => [...table],
    async mount({ source, target, filesystem, options: given }: MountRequest) {
      const bound = given.includes("bind") ? table.findLast((entry) => entry.target === source) : undefined;
      const flags = given.flatMap(splitMountOptions);
      if (flags.includes("remount")) {
        const at = table.findLastIndex((entry) => entry.target === target);
        const before = table[at];
        if (before === undefined) throw new OrlopError("Invalid", `${target} is not mounted`);
        table[at] = { ...before, options: flags.includes("ro") ? ["ro"] : ["rw"] };
        return;
      }
      const hasContext = flags.some((flag) => flag.startsWith("context="));
      const own = [...flags, ...(options.seLinux === true && !hasContext ? ["seclabel"] : [])];
      table.push({
        id: next,
        parentId: 0,
        device: bound?.device ?? deviceOf(source),
        root: "/",
        target,
        options: flags.includes("ro") ? ["ro"] : ["rw"],
        shared: flags.includes("rshared"),
        filesystem: bound?.filesystem ?? filesystem ?? "none",
        source: bound?.source ?? source,
        superOptions: bound?.superOptions ?? own,
      });
      next += 1;
    },
    async unmount(target) {
      const at = table.findLastIndex((entry) => entry.target === target);
      if (at < 0) return;
      if (table.some((entry) => entry.target.startsWith(`${target}/`))) {
        throw new OrlopError("Conflict", `unmounting ${target} failed: target is busy`, { retry: "backoff" });
      }
      table.splice(at, 1);
    },
  };
}
