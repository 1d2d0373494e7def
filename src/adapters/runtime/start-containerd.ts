import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { replaceFile } from "../files/replace-file.ts";
import { chooseSnapshotter } from "./choose-snapshotter.ts";
import { containerdConfig, registryHosts } from "./containerd-config.ts";
import { probeCri } from "./probe-cri.ts";
import { commandLine, signalProcess, waitForExit } from "./process-table.ts";
import type { RuntimeSoftware } from "./provision-runtime.ts";
import type { RuntimeLayout } from "./runtime-layout.ts";
import { setUpPodNetwork } from "./set-up-pod-network.ts";

export interface RunningContainerd {
  /** For the CRI client, `unix://...`. */
  readonly endpoint: string;
  readonly pid: number;
  /** Whether it was found running (an earlier orlop was killed) instead of being started. */
  readonly adopted: boolean;
  /** The addresses pods get. */
  readonly podRange: string;
  /** Stops containerd. Containers keep running under their shims; the next start finds them. */
  stop(signal: AbortSignal): Promise<void>;
}

export interface StartContainerdDeps {
  readonly log: Log;
  readonly clock: Clock;
}

export interface StartContainerdOptions {
  readonly layout: RuntimeLayout;
  readonly software: RuntimeSoftware;
  readonly sandboxImage: string;
  /** Base address of a registry to ask first for every image, such as http://127.0.0.1:41234. */
  readonly localRegistry?: string;
  readonly signal: AbortSignal;
}

const START_MILLISECONDS = 20_000;
const STOP_MILLISECONDS = 10_000;
const LOG_BYTES = 10 * 1024 * 1024;

interface PidRecord {
  readonly pid: number;
  readonly config: string;
}

/**
 * Brings up the private containerd of a data directory, or adopts the one an earlier orlop left running. It lives in a
 * process group of its own, so neither Ctrl-C nor a killed orlop takes it (or any container) along.
 */
export async function startContainerd(
  deps: StartContainerdDeps,
  options: StartContainerdOptions,
): Promise<RunningContainerd> {
  const { layout, software, signal } = options;
  // 0711: the root user of a user namespace has to pass through to its root file system.
  await mkdir(dirname(dirname(layout.state)), { recursive: true, mode: 0o711 });
  await mkdir(dirname(layout.state), { recursive: true, mode: 0o711 });
  await mkdir(layout.root, { recursive: true, mode: 0o711 });
  const { podRange } = await setUpPodNetwork(deps, { layout, software, signal });
  await writeRegistryHosts(layout, options.localRegistry);
  const config = containerdConfig({
    root: layout.root,
    state: layout.state,
    socket: layout.socket,
    runc: software.runc,
    plugins: software.plugins,
    networkConfig: layout.networkConfig,
    registryConfig: layout.registryConfig,
    sandboxImage: options.sandboxImage,
    snapshotter: await chooseSnapshotter(deps, { folder: layout.root, signal }),
    mayLowerOomScore: await hasCapability(CAP_SYS_RESOURCE),
    seLinux: await exists("/sys/fs/selinux/enforce"),
  });
  await replaceFile(layout.configFile, config, { mode: 0o644 });
  const digest = createHash("sha256").update(config).update(JSON.stringify(software)).digest("hex");

  const stop = async (pid: number, stopSignal: AbortSignal): Promise<void> => {
    signalProcess(pid, "SIGTERM");
    if (!(await waitForExit(deps.clock, pid, { milliseconds: STOP_MILLISECONDS, signal: stopSignal }))) {
      deps.log.warn("containerd did not stop in time and is killed", { pid });
      signalProcess(pid, "SIGKILL");
      await waitForExit(deps.clock, pid, { milliseconds: STOP_MILLISECONDS, signal: stopSignal });
    }
    await rm(layout.pidFile, { force: true });
    await leaveRunFolder(layout);
  };
  const running = (pid: number, adopted: boolean): RunningContainerd => ({
    endpoint: layout.endpoint,
    pid,
    adopted,
    podRange,
    stop: async (stopSignal) => stop(pid, stopSignal),
  });

  const former = await runningContainerd(layout);
  if (former !== undefined) {
    if (former.config === digest && (await probeCri(layout.socket)) === "ready") {
      deps.log.info("found the container runtime running", { pid: former.pid });
      return running(former.pid, true);
    }
    deps.log.info("restarting the container runtime: its configuration changed or it does not answer");
    await stop(former.pid, signal);
  }
  try {
    return running(await spawnContainerd(deps, options, digest), false);
  } catch (cause) {
    await leaveRunFolder(layout);
    throw cause;
  }
}

/**
 * Folders below /run that hold nothing go; those of containers that keep running stay. Looks at known places only: below
 * them are the file systems of containers.
 */
async function leaveRunFolder(layout: RuntimeLayout): Promise<void> {
  const run = dirname(layout.state);
  await rm(`${layout.socket}.ttrpc`, { force: true });
  const inState = await readdir(layout.state).catch(() => []);
  const folders = [...inState.map((name) => join(layout.state, name)), layout.state, join(run, "leases"), run];
  for (const folder of [...folders, dirname(run)]) await rmdir(folder).catch(() => undefined);
}

/** The containerd of this data directory that runs now, if any. */
export async function runningContainerd(layout: RuntimeLayout): Promise<PidRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(layout.pidFile, "utf8")) as PidRecord;
    const parameters = await commandLine(record.pid);
    return parameters?.includes(layout.configFile) === true ? record : undefined;
  } catch {
    return undefined;
  }
}

async function spawnContainerd(
  deps: StartContainerdDeps,
  options: StartContainerdOptions,
  digest: string,
): Promise<number> {
  const { layout, software, signal } = options;
  const about = await stat(layout.logFile).catch(() => undefined);
  if (about !== undefined && about.size > LOG_BYTES) await rename(layout.logFile, `${layout.logFile}.1`);
  const log = await open(layout.logFile, "a", 0o600);
  try {
    const child = spawn(software.containerd, ["--config", layout.configFile], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      env: environment(software),
    });
    const failure = new Promise<never>((_resolve, reject) => {
      child.once("error", (cause) =>
        reject(new OrlopError("Internal", `cannot run ${software.containerd}: ${messageOf(cause)}`, { cause })),
      );
      child.once("exit", (code, killedBy) =>
        reject(new OrlopError("Internal", `containerd ended at once (${killedBy ?? `exit code ${code}`})`)),
      );
    });
    failure.catch(() => undefined);
    child.unref();
    const pid = child.pid;
    if (pid === undefined) return await failure;
    const record: PidRecord = { pid, config: digest };
    await replaceFile(layout.pidFile, JSON.stringify(record), { mode: 0o644 });
    await Promise.race([waitUntilItAnswers(deps, layout, signal), failure]).catch(async (cause: unknown) => {
      signalProcess(pid, "SIGKILL");
      await rm(layout.pidFile, { force: true });
      const reason = await lastError(layout.logFile);
      throw new OrlopError("Unavailable", `cannot start containerd: ${messageOf(cause)}${reason}`, { cause });
    });
    deps.log.info("started the container runtime", { pid, version: software.versions.containerd });
    return pid;
  } finally {
    await log.close();
  }
}

const PASSED_ON = /^(HOME|SSL_CERT_FILE|SSL_CERT_DIR|(HTTP|HTTPS|ALL|NO)_PROXY)$/i;

/** What containerd, its shims and the network plugins may see of our environment: how to reach registries, no more. */
function environment(software: RuntimeSoftware): Record<string, string | undefined> {
  const passed = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  const path = [...software.searchPath, process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"].join(":");
  return { ...Object.fromEntries(passed), PATH: path };
}

async function waitUntilItAnswers(
  deps: StartContainerdDeps,
  layout: RuntimeLayout,
  signal: AbortSignal,
): Promise<void> {
  const end = deps.clock.monotonic() + START_MILLISECONDS;
  for (let state = await probeCri(layout.socket); state !== "ready"; state = await probeCri(layout.socket)) {
    if (state === "without CRI") throw new OrlopError("Internal", "its CRI service could not be loaded");
    if (deps.clock.monotonic() >= end) {
      throw new OrlopError("Timeout", `it did not answer on ${layout.socket} within ${START_MILLISECONDS / 1000} s`);
    }
    await deps.clock.sleep(10, signal);
  }
}

async function writeRegistryHosts(layout: RuntimeLayout, localRegistry: string | undefined): Promise<void> {
  const file = join(layout.registryConfig, "_default", "hosts.toml");
  await mkdir(dirname(file), { recursive: true });
  await replaceFile(file, registryHosts(localRegistry), { mode: 0o644 });
}

async function lastError(logFile: string): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  const line = text.split("\n").findLast((one) => /level=(error|fatal)|^containerd: /.test(one));
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line ?? "")?.[1] ?? line;
  return message === undefined ? `; see ${logFile}` : ` (${message}; see ${logFile})`;
}

const CAP_SYS_RESOURCE = 24n;

async function hasCapability(capability: bigint): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return ((effective >> capability) & 1n) === 1n;
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
