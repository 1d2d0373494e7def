import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the command is killed. @default 120000 */
  readonly timeout?: number;
  readonly cwd?: string;
}

/** Runs a program to its end; never throws for a non-zero exit code. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? 120_000);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code: code ?? 137, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

export interface TestCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly securePort: number;
  readonly kubeletPort: number;
  /** Milliseconds from the command to the ready line of the last start. */
  readonly readyAfter: number;
  readonly pid: number;
  /** Everything the process wrote to stderr since the last start. */
  log(): string;
  /** SIGTERM, or the signal given, then waits for the exit. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  /** Starts again on the same data directory. */
  start(): Promise<void>;
  /** Stops, `orlop down --purge`, and deletes what is left. */
  destroy(): Promise<CommandResult>;
}

/** Starts `./orlop up` in a data directory of its own and resolves when the ready line was printed. */
export async function startCluster(
  options: { readonly args?: readonly string[]; readonly dataDir?: string } = {},
): Promise<TestCluster> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "orlop-e2e-")));
  const securePort = await freePort();
  const kubeletPort = await freePort();
  let child: ChildProcess | undefined;
  let stderr = "";
  let readyAfter = 0;

  async function start(): Promise<void> {
    const began = performance.now();
    stderr = "";
    const started = spawn(
      join(ROOT, "orlop"),
      [
        "up",
        "--data-dir",
        dataDir,
        "--secure-port",
        String(securePort),
        "--kubelet-port",
        String(kubeletPort),
        ...(options.args ?? []),
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    child = started;
    started.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-1_000_000);
    });
    const lines = createInterface({ input: started.stdout });
    const exited = once(started, "exit").then(([code]) => {
      throw new Error(`orlop up exited with ${String(code)} before it was ready:\n${stderr.slice(-4000)}`);
    });
    const ready = (async () => {
      for await (const line of lines) if (line.startsWith("ready: ")) return;
      throw new Error(`orlop up closed its output before it was ready:\n${stderr.slice(-4000)}`);
    })();
    await Promise.race([ready, exited]);
    exited.catch(() => undefined);
    readyAfter = performance.now() - began;
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null)
      return running?.exitCode ?? 0;
    const exited = once(running, "exit") as Promise<[number | null, string | null]>;
    running.kill(signal);
    const [code] = await exited;
    return code ?? 128;
  }

  await start();
  return {
    dataDir,
    kubeconfig: join(dataDir, "admin.kubeconfig"),
    securePort,
    kubeletPort,
    get readyAfter() {
      return readyAfter;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    log: () => stderr,
    stop,
    start,
    async destroy() {
      await stop();
      const down = await runCommand(join(ROOT, "orlop"), ["down", "--data-dir", dataDir, "--purge"]);
      await rm(dataDir, { recursive: true, force: true });
      return down;
    },
  };
}
