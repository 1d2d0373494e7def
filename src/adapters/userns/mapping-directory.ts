import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { MappingStore } from "../../ports/mapping-store.ts";

const FILE = "userns";

/**
 * Mappings below the kubelet's pods directory, `<podsDir>/<uid>/userns`, in the place and form a Kubernetes kubelet uses.
 */
export function createMappingDirectory(podsDir: string, options: { readonly suffix: () => string }): MappingStore {
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
      const text = await readFile(path, { encoding: "utf8", signal }).catch(unlessMissing(""));
      return text === "" ? undefined : text;
    },
    async write(podUid, text, signal) {
      signal.throwIfAborted();
      const directory = directoryOf(podUid);
      await mkdir(directory, { recursive: true, mode: 0o755 });
      const temporary = join(directory, `.${FILE}-${options.suffix()}`);
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, join(directory, FILE));
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw new OrlopError("Unavailable", `could not write the user namespace mapping ${join(directory, FILE)}`, {
          cause,
        });
      }
      await syncDirectory(directory);
    },
    async remove(podUid, signal) {
      signal.throwIfAborted();
      await rm(join(directoryOf(podUid), FILE), { force: true });
    },
  };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function unlessMissing<T>(fallback: T): (reason: unknown) => T {
  return (reason) => {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return fallback;
    throw reason;
  };
}
