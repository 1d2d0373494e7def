import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Log } from "../../ports/log.ts";
import { runCommand } from "../debian/run-command.ts";

/**
 * "overlayfs" when layers can be stacked on the file system of this folder, else "native", which copies every layer: slow,
 * but works on file systems an overlay can not use (an overlay itself, NFS).
 */
export async function chooseSnapshotter(
  deps: { readonly log: Log },
  options: { readonly folder: string; readonly signal: AbortSignal },
): Promise<"overlayfs" | "native"> {
  const { folder, signal } = options;
  const probe = await mkdtemp(join(folder, ".probe-"));
  const at = (name: string): string => join(probe, name);
  try {
    for (const name of ["lower", "upper", "work", "merged"]) await mkdir(at(name));
    const layers = `lowerdir=${at("lower")},upperdir=${at("upper")},workdir=${at("work")}`;
    await runCommand("mount", ["--types", "overlay", "--options", layers, "overlay", at("merged")], { signal });
    await runCommand("umount", [at("merged")], { signal });
    return "overlayfs";
  } catch (cause) {
    signal.throwIfAborted();
    deps.log.warn(
      "the data directory's file system can not carry overlays: layers are copied, which is slow, and pods with user namespaces may not start",
      {
        folder,
        error: messageOf(cause),
      },
    );
    return "native";
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}
