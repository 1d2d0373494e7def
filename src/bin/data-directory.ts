import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";

/** Layout of a data directory; raised when an older version could not read what a newer one wrote. */
const LAYOUT_VERSION = 1;

const PID_FILE = "orlop.pid";
const VERSION_FILE = "layout-version";

/**
 * Makes the directory when it is missing and takes hold of it for this process. Mode 0711: what needs to be secret has
 * folders of its own, and pods with user namespaces must be able to pass through to their volumes.
 *
 * @returns how to let go of it
 * @throws OrlopError Conflict when another process holds it, Unsupported when a newer version wrote it, Unavailable when
 * nothing can be written there
 */
export async function holdDataDirectory(directory: string): Promise<() => Promise<void>> {
  try {
    await makeDirectories(directory);
    await chmod(directory, 0o711);
  } catch (cause) {
    throw new OrlopError(
      "Unavailable",
      `could not make the data directory ${directory}: ${messageOf(cause)}; choose another one with --data-dir`,
      { cause },
    );
  }
  try {
    await checkLayoutVersion(directory);
    return await takeHold(directory);
  } catch (cause) {
    if (cause instanceof OrlopError) throw cause;
    const advice = hasCode(cause, "ENOSPC") ? "make room on its disk, or " : "";
    throw new OrlopError(
      "Unavailable",
      `could not write into the data directory ${directory}: ${messageOf(cause)}; ${advice}choose another one with --data-dir`,
      { cause },
    );
  }
}

/** Holds the directory, as `holdDataDirectory`, while the work runs. */
export async function withDataDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const release = await holdDataDirectory(directory);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function takeHold(directory: string): Promise<() => Promise<void>> {
  const pidFile = join(directory, PID_FILE);
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(pidFile, `${process.pid}\n`, { flag: "wx", mode: 0o644 });
      return () => rm(pidFile, { force: true });
    } catch (cause) {
      if (!hasCode(cause, "EEXIST")) {
        await rm(pidFile, { force: true });
        throw cause;
      }
      const owner = await runningOrlop(directory);
      if (owner !== undefined || attempt > 0) {
        throw new OrlopError(
          "Conflict",
          `the data directory ${directory} is in use by process ${owner ?? "unknown"}: stop it, or choose another directory with --data-dir`,
          { cause },
        );
      }
      await rm(pidFile, { force: true });
    }
  }
}

/** The process that holds the directory, undefined when there is none (any more). */
export async function runningOrlop(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, PID_FILE), "utf8").catch(() => "");
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  // A number can be handed to another program after a crash: only one that looks like us counts.
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes("orlop") ? pid : undefined;
}

function hasCode(reason: unknown, code: string): boolean {
  return reason instanceof Error && "code" in reason && reason.code === code;
}

/** Not mkdir's own `recursive`: below /proc it never comes back. */
async function makeDirectories(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o711 });
  } catch (reason) {
    if (hasCode(reason, "EEXIST")) return;
    if (!hasCode(reason, "ENOENT") || dirname(directory) === directory) throw reason;
    if ((await stat(dirname(directory)).catch(() => undefined)) !== undefined) throw reason;
    await makeDirectories(dirname(directory));
    await mkdir(directory, { mode: 0o711 });
  }
}

async function checkLayoutVersion(directory: string): Promise<void> {
  const path = join(directory, VERSION_FILE);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) {
    await writeFile(path, `${LAYOUT_VERSION}\n`, { mode: 0o644 });
    return;
  }
  if (Number(text) <= LAYOUT_VERSION) return;
  throw new OrlopError(
    "Unsupported",
    `the data directory ${directory} was written by a newer version of Orlop (layout ${text.trim()}, this one knows ${LAYOUT_VERSION}): use that version, or another directory with --data-dir`,
  );
}
