import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { replaceFile } from "../files/replace-file.ts";

/** The text of a file, undefined when there is none. Throws OrlopError when it can not tell. */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return undefined;
    throw new OrlopError("Unavailable", `Cannot read ${path}: ${messageOf(reason)}`, { cause: reason });
  }
}

/**
 * Writes a file whole or not at all, durably, readable by its owner only: a reader and a crash see the old or the new
 * contents, never a part. Folders are created with mode 0700.
 */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(path, text, { mode: 0o600, durable: true });
  } catch (reason) {
    throw new OrlopError("Unavailable", `Cannot write ${path}: ${messageOf(reason)}`, { cause: reason });
  }
}
