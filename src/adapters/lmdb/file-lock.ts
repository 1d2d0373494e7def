import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";

export interface FileLock {
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * Takes an exclusive flock(2) on a file, which the kernel lets go when the process ends, however it ends. Node can not
 * call flock itself, so flock(1) does it on our file descriptor: the lock belongs to the open file, which we keep.
 *
 * @throws OrlopError Conflict when it is held, here or in another process
 */
export async function lockFile(path: string): Promise<FileLock> {
  const file = await open(path, "a+", 0o600);
  try {
    const { code, stderr } = await runFlock(file.fd);
    if (code === 1) {
      const holder = (await file.readFile("utf8")).trim();
      throw new OrlopError(
        "Conflict",
        `${path} is locked${holder === "" ? "" : ` by process ${holder}`}: stop the other instance or use another directory`,
      );
    }
    if (code !== 0) throw new OrlopError("Internal", `Locking ${path} failed: flock ended with ${code}: ${stderr}`);
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (reason) {
    await file.close();
    throw reason;
  }
  let released: Promise<void> | undefined;
  return { release: () => (released ??= file.close()) };
}

function runFlock(fd: number): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("flock", ["--nonblock", "3"], { stdio: ["ignore", "ignore", "pipe", fd] });
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8").slice(0, 1_000);
    });
    child.on("error", (cause) =>
      reject(
        new OrlopError("Unsupported", `flock(1) can not be run (install util-linux): ${messageOf(cause)}`, { cause }),
      ),
    );
    child.on("close", (code) => resolve({ code, stderr: stderr.trim() }));
  });
}
