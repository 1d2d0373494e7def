import { lstat, readdir, readFile, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RuntimeLayout } from "./runtime-layout.ts";

/** The control groups of all containers of a runtime, in every hierarchy, as runc noted them. */
export async function containerCgroups(layout: RuntimeLayout): Promise<readonly string[]> {
  const found = new Set<string>();
  const root = join(layout.state, "runc");
  for (const namespace of await readdir(root).catch(() => [])) {
    for (const id of await readdir(join(root, namespace)).catch(() => [])) {
      const text = await readFile(join(root, namespace, id, "state.json"), "utf8").catch(() => "{}");
      const state = JSON.parse(text) as { readonly cgroup_paths?: Readonly<Record<string, string>> };
      for (const path of Object.values(state.cgroup_paths ?? {})) found.add(path);
    }
  }
  return [...found];
}

/**
 * Removes control groups and, upwards, what they leave empty: the pods', the quality classes' and the node's own. A group
 * with a process in it stays; so nothing that runs is touched.
 */
export async function removeCgroups(groups: readonly string[], top = "kubepods"): Promise<void> {
  const tops = new Set<string>();
  for (const group of groups) {
    if (!group.startsWith("/sys/fs/cgroup/")) continue;
    await removeIfEmpty(group);
    const parts = group.split("/");
    const at = parts.findIndex((part) => part === top || part === `${top}.slice`);
    if (at === -1) {
      // Not a pod's: its own parents are somebody else's, except the one made for it.
      await removeIfEmpty(dirname(group));
    } else {
      tops.add(parts.slice(0, at + 1).join("/"));
    }
  }
  for (const folder of tops) await removeEmptyTree(folder);
}

/** Removes the tree `root` names (such as /orlop-1a2b3c4d) in every hierarchy, as far as nothing runs in it. */
export async function removeCgroupRoot(root: string): Promise<void> {
  const hierarchies = await readdir("/sys/fs/cgroup").catch(() => []);
  for (const hierarchy of ["", ...hierarchies]) await removeEmptyTree(join("/sys/fs/cgroup", hierarchy, root));
}

async function removeEmptyTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeEmptyTree(join(folder, entry.name));
  }
  await removeIfEmpty(folder);
}

/** Whether the folder is gone now; one that is not empty stays. */
export async function removeIfEmpty(folder: string): Promise<boolean> {
  await rmdir(folder).catch(() => undefined);
  return lstat(folder).then(
    () => false,
    () => true,
  );
}
