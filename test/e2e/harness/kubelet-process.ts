import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");

export interface KubeletProcess {
  /** Everything it wrote to stderr. */
  log(): string;
  /** Resolves when the ready line was printed; rejects when it exits before. */
  readonly ready: Promise<void>;
  readonly pid: number;
  /** The exit code, when it ends by itself. */
  readonly exited: Promise<number>;
  stop(): Promise<number>;
}

/** Starts `./orlop kubelet` with these flags. */
export function startKubelet(args: readonly string[]): KubeletProcess {
  const child: ChildProcess = spawn(join(ROOT, "orlop"), ["kubelet", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-1_000_000);
  });
  const exited = once(child, "exit").then(([code]) => Number(code ?? 128));
  const printed = (async () => {
    if (child.stdout === null) throw new Error("the kubelet has no output");
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith("ready: ")) return;
    throw new Error(`orlop kubelet ended before it was ready:\n${stderr.slice(-4000)}`);
  })();
  printed.catch(() => undefined);
  return {
    log: () => stderr,
    ready: printed,
    pid: child.pid ?? 0,
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      return await exited;
    },
  };
}
