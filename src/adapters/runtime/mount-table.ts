import { readFile } from "node:fs/promises";
import { runCommand } from "../debian/run-command.ts";

/** Mount points in the text of /proc/self/mountinfo at or below one of the folders, those mounted last first. */
export function mountPointsBelow(mountinfo: string, folders: readonly string[]): readonly string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => {
      const field = line.split(" ")[4];
      return field === undefined ? [] : [field.replace(/\\([0-7]{3})/g, (_all, octal: string) => fromOctal(octal))];
    })
    .filter((point) => folders.some((folder) => point === folder || point.startsWith(`${folder}/`)))
    .toReversed();
}

function fromOctal(text: string): string {
  return String.fromCharCode(Number.parseInt(text, 8));
}

/** Unmounts everything at or below the folders; what is busy is detached and goes when its last user does. */
export async function unmountBelow(folders: readonly string[], signal: AbortSignal): Promise<void> {
  const points = mountPointsBelow(await readFile("/proc/self/mountinfo", "utf8"), folders);
  for (const point of points) {
    await runCommand("umount", [point], { signal }).catch(async () => {
      signal.throwIfAborted();
      await runCommand("umount", ["--lazy", point], { signal });
    });
  }
}
