import { readFile } from "node:fs/promises";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostMounts, MountEntry, MountRequest } from "../../ports/host-mounts.ts";
import { parseMountInfo } from "./mountinfo.ts";
import { runProgram } from "./run-program.ts";

const MOUNT_INFO = "/proc/self/mountinfo";

/** Mounts through mount(8) and umount(8), which are on every Linux host and need no native code here. */
export function createLinuxMounts(): HostMounts {
  return { list: listMounts, mount, unmount };
}

async function listMounts(signal: AbortSignal): Promise<readonly MountEntry[]> {
  let text: string;
  try {
    text = await readFile(MOUNT_INFO, { encoding: "utf8", signal });
  } catch (cause) {
    throw new OrlopError("Unavailable", `cannot tell what is mounted: reading ${MOUNT_INFO} failed`, { cause });
  }
  const entries = parseMountInfo(text);
  if (entries === undefined) {
    throw new OrlopError("Unavailable", `cannot tell what is mounted: ${MOUNT_INFO} has a line of unknown form`);
  }
  return entries;
}

async function mount(request: MountRequest, signal: AbortSignal): Promise<void> {
  // Paths are passed as they are: resolving links here would undo the care taken by the caller.
  const parameters = [
    "--no-canonicalize",
    ...(request.filesystem !== undefined ? ["-t", request.filesystem] : []),
    ...(request.options.length > 0 ? ["-o", request.options.join(",")] : []),
    "--",
    request.source,
    request.target,
  ];
  const result = await runProgram("mount", parameters, signal);
  if (result.exitCode === 0) return;
  const what = request.filesystem ?? "bind";
  throw new OrlopError(
    "Internal",
    `mounting ${request.source} (${what}) at ${request.target} failed: ${result.stderr.trim() || `exit status ${result.exitCode}`}`,
    { retry: "backoff" },
  );
}

async function unmount(target: string, signal: AbortSignal): Promise<void> {
  const result = await runProgram("umount", ["--no-canonicalize", "--", target], signal);
  if (result.exitCode === 0) return;
  const text = result.stderr.trim();
  if (/not mounted|no mount point|not found|No such file/.test(text)) {
    const still = (await listMounts(signal)).some((entry) => entry.target === target);
    if (!still) return;
  }
  throw new OrlopError(/busy/.test(text) ? "Conflict" : "Internal", `unmounting ${target} failed: ${text}`, {
    retry: "backoff",
  });
}
