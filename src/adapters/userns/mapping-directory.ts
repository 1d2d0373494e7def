import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { MappingStore } from "../../ports/mapping-store.ts";
import { isUnfinished, replaceFile } from "../files/replace-file.ts";

const FILE = "userns";

/**
 * Mappings below the kubelet's pods directory, `<podsDir>/<uid>/userns`, in the place and form a Kubernetes kubelet uses.
 */
export function createMappingDirectory(podsDir: string): MappingStore {
  const directoryOf = (podUid: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(podUid)) {
      throw new OrlopError("Invalid", `pod uid ${JSON.stringify(podUid)} can not name a directory below ${podsDir}`);
    }
    return join(podsDir, podUid);
  };
  return {
    async pods(signal) {
      signal.throwIfAborted();
      const entries = await readdir(podsDir, { withFileTypes: true }).catch(unlessMissing([]));
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
    async read(podUid, signal) {
      const path = join(directoryOf(podUid), FILE);
      return readFile(path, { encoding: "utf8", signal }).catch(unlessMissing(undefined));
    },
    async write(podUid, text, signal) {
      signal.throwIfAborted();
      const directory = directoryOf(podUid);
      await mkdir(directory, { recursive: true, mode: 0o755 });
      try {
        await replaceFile(join(directory, FILE), text, { mode: 0o600, durable: true });
      } catch (cause) {
        throw new OrlopError("Unavailable", `could not write the user namespace mapping ${join(directory, FILE)}`, {
          cause,
        });
      }
    },
    async remove(podUid, signal) {
      signal.throwIfAborted();
      const directory = directoryOf(podUid);
      // Also what a kubelet left that was killed while it wrote: it would keep the pod's directory from being removed.
      for (const name of await readdir(directory).catch(unlessMissing([]))) {
        if (name === FILE || isUnfinished(name)) await rm(join(directory, name), { force: true, recursive: true });
      }
    },
  };
}

function unlessMissing<T>(fallback: T): (reason: unknown) => T {
  return (reason) => {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return fallback;
    throw reason;
  };
}
