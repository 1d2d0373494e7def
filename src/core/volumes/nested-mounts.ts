import { containersOf } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import { cleanPath } from "./payload.ts";

/**
 * Folders to make inside a volume because another volume of the same container is mounted below it: the runtime can not
 * make them in a read-only volume.
 */
export function nestedMountPoints(pod: Pod, volume: string): Result<readonly string[]> {
  const found = new Set<string>();
  for (const container of containersOf(pod.spec)) {
    const mounts = (container.volumeMounts ?? []).map(({ name, mountPath }) => ({ name, path: cleanPath(mountPath) }));
    for (const { path: own } of mounts.filter(({ name }) => name === volume)) {
      if (own.split("/")[0] === "..") return failed(`invalid container mount point ${own}`);
      const below = mounts
        .map(({ path }) => path)
        .filter((path) => path.startsWith(own === "" ? "" : `${own}/`) && path !== own)
        .sort();
      const outer: string[] = [];
      for (const path of below) {
        if (outer.some((folder) => path.startsWith(`${folder}/`))) continue;
        outer.push(path);
        found.add(own === "" ? path : path.slice(own.length + 1));
      }
    }
  }
  const escaping = [...found].find((path) => path.split("/").includes(".."));
  return escaping === undefined ? ok([...found].sort()) : failed(`invalid container mount point ${escaping}`);
}
