import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Replaces a file whole: readers see the old contents or the new, also after a crash, never a part. The folder must be there.
 * Throws what node:fs throws, and leaves the old file then.
 * @param options.mode exactly this, whatever the umask is
 * @param options.durable also the name is on disk when this returns; without, a crash may bring the old file back. Default false
 */
export async function replaceFile(
  path: string,
  data: Uint8Array | string,
  options: { readonly mode: number; readonly durable?: boolean },
): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(data);
      await file.chmod(options.mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (reason) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw reason;
  }
  if (options.durable === true) await syncDirectory(dirname(path));
}

/** Whether a file is what replaceFile() leaves when the process is killed in the middle of it. */
export function isUnfinished(name: string): boolean {
  return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

/** Makes what was created, renamed or removed in a folder durable: a file's own sync does not cover its name. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
