import { OrlopError } from "../../lib/orlop-error.ts";
import { type ProgramResult, runProgram } from "../linux/run-program.ts";
import type { Filesystem } from "./volume-directory.ts";

/** Least size of an image its file system can be made in, in bytes. */
export const MINIMUM_BYTES: Readonly<Record<Filesystem, number>> = { ext4: 16 * 2 ** 20, xfs: 300 * 2 ** 20 };

const MAKE: Readonly<Record<Filesystem, readonly string[]>> = {
  // Nothing is kept back for root: a volume belongs to its pod.
  ext4: ["mkfs.ext4", "-q", "-F", "-m", "0"],
  xfs: ["mkfs.xfs", "-q"],
};
const NOTHING_FOUND = 2;

/** What file system a device holds; undefined for none at all. @throws OrlopError when it can not tell, e.g. several signatures */
export async function filesystemOn(device: string, signal: AbortSignal): Promise<string | undefined> {
  const result = await runProgram("blkid", ["--probe", "--match-tag", "TYPE", "--output", "value", device], signal);
  if (result.exitCode === NOTHING_FOUND && result.stdout.trim() === "") return undefined;
  const type = result.stdout.trim();
  if (result.exitCode === 0 && type !== "") return type;
  throw new OrlopError("Unavailable", `cannot tell what is on ${device}: blkid: ${reasonOf(result)}`);
}

export async function makeFilesystem(kind: Filesystem, device: string, signal: AbortSignal): Promise<void> {
  const [program = kind, ...parameters] = MAKE[kind];
  const result = await runProgram(program, [...parameters, device], signal);
  if (result.exitCode !== 0) {
    throw new OrlopError("Internal", `making ${kind} on ${device} failed: ${reasonOf(result)}`, { retry: "backoff" });
  }
}

/** Grows a mounted file system to the size of its device. Already as large is fine. @throws OrlopError with what the driver lacks */
export async function growFilesystem(
  kind: Filesystem,
  at: { readonly device: string; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const result =
    kind === "ext4"
      ? await runProgram("resize2fs", [at.device], signal)
      : await runProgram("xfs_growfs", [at.path], signal);
  if (result.exitCode !== 0) {
    const text = `growing ${kind} at ${at.path} failed: ${reasonOf(result)}${missingRight(kind, result)}`;
    throw new OrlopError("Internal", text, { retry: "backoff" });
  }
}

/** The kernel grows ext4 that is mounted for CAP_SYS_RESOURCE alone, which containers' root often lacks; xfs takes CAP_SYS_ADMIN. */
function missingRight(kind: Filesystem, { stderr }: ProgramResult): string {
  if (kind !== "ext4" || !/permission denied|operation not permitted/i.test(stderr)) return "";
  return "; the driver needs CAP_SYS_RESOURCE to grow ext4 that is mounted: run it with that, or use a class with xfs";
}

function reasonOf({ stderr, exitCode }: ProgramResult): string {
  return stderr.trim() || `exit status ${exitCode}`;
}
