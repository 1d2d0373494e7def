import { readdir, readFile } from "node:fs/promises";
import type { Clock } from "../../ports/clock.ts";

/** The arguments a process was started with, or undefined when there is none with this id or it only waits to be reaped. */
export async function commandLine(pid: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text === "" ? undefined : text.split("\0").slice(0, -1);
}

/** Processes whose arguments satisfy `wanted`. */
export async function findProcesses(wanted: (parameters: readonly string[]) => boolean): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const parameters = await commandLine(pid);
    if (parameters !== undefined && wanted(parameters)) found.push(pid);
  }
  return found;
}

/** Sends a signal; a process that is gone already is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause;
  }
}

/** Waits until the process is gone, at most `milliseconds`; whether it is. */
export async function waitForExit(
  clock: Clock,
  pid: number,
  options: { readonly milliseconds: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const end = clock.monotonic() + options.milliseconds;
  while ((await commandLine(pid)) !== undefined) {
    if (clock.monotonic() >= end) return false;
    await clock.sleep(20, options.signal);
  }
  return true;
}
