import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { loadKubeconfig } from "../../../src/adapters/cluster/kubeconfig.ts";
import { createClusterTransport } from "../../../src/adapters/cluster/transport.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { type ClusterClient, createClusterClient } from "../../../src/machinery/cluster-client.ts";

export const DATA_DIR = "/data/orlop";
export const KUBECONFIG = `${DATA_DIR}/admin.kubeconfig`;
export const KUBELET_ROOT = `${DATA_DIR}/kubelet`;

/** `orlop up` in this machine. Everything below it, containerd included, runs in the host's domain. */
export interface GuestCluster {
  readonly client: ClusterClient;
  /** Does nothing when it runs with these gates; else starts it, or starts it again. */
  start(featureGates: string): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** What it wrote to stderr, all starts together. */
  log(): string;
}

export function createGuestCluster(say: (text: string) => void): GuestCluster {
  let child: ChildProcess | undefined;
  let gates: string | undefined;
  let client: ClusterClient | undefined;
  let log = "";

  async function start(featureGates: string): Promise<void> {
    if (gates === featureGates && child !== undefined) return;
    await stop();
    const began = performance.now();
    say(`starting orlop up --feature-gates ${featureGates}`);
    const started = spawn(
      process.execPath,
      ["/data/dist/orlop.mjs", "up", "--data-dir", DATA_DIR, "--feature-gates", featureGates],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    started.stderr.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-400_000);
      process.stderr.write(chunk);
    });
    for await (const line of createInterface({ input: started.stdout })) {
      if (!line.startsWith("ready: ")) continue;
      child = started;
      gates = featureGates;
      started.stdout.resume();
      client = createClusterClient({
        transport: createClusterTransport(await loadKubeconfig(KUBECONFIG), { clock: createSystemClock() }),
        userAgent: "orlop-vm-test",
      });
      say(`ready after ${((performance.now() - began) / 1000).toFixed(0)} s`);
      return;
    }
    throw new Error(`orlop up ended before it was ready:\n${log.slice(-6000)}`);
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    running.kill(signal);
    await exited;
  }

  return {
    get client() {
      if (client === undefined) throw new Error("the cluster was not started");
      return client;
    },
    start,
    stop,
    log: () => log,
  };
}
