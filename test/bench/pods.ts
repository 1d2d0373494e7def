import { runtimeLayout } from "../../src/adapters/runtime/runtime-layout.ts";
import { startCluster } from "../e2e/harness/cluster.ts";
import { waitFor } from "../e2e/harness/wait-for.ts";
import { adminClient, type AdminClient } from "./admin-client.ts";
import { bareRuntime } from "./bare-runtime.ts";
import { percentile, table } from "./statistics.ts";

const SEQUENTIAL = 20;
const AT_ONCE = 20;
const IMAGE = "docker.io/library/busybox:latest";

interface PodEvent {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly phase?: string };
}

/** Create-to-Running as a client sees it: from sending the create to the watch event with phase Running. */
export async function pods(options: { readonly hostUsers?: boolean } = {}): Promise<string> {
  const cluster = await startCluster();
  const stop = new AbortController();
  try {
    const client = await adminClient(cluster.kubeconfig, 8);
    const running = new Map<string, number>();
    const waiters = new Map<string, () => void>();
    const watching = (async () => {
      for await (const { object } of client.watch("/api/v1/namespaces/default/pods?watch=true", stop.signal)) {
        const { metadata, status } = object as PodEvent;
        if (status?.phase !== "Running" || running.has(metadata.name)) continue;
        running.set(metadata.name, performance.now());
        waiters.get(metadata.name)?.();
      }
    })().catch(() => undefined);
    await waitFor("the default ServiceAccount", async () =>
      (await client.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200
        ? true
        : undefined,
    );

    const start = async (name: string): Promise<number> => {
      const done = new Promise<void>((resolve) => waiters.set(name, resolve));
      const began = performance.now();
      const { status, body } = await client.request(
        "POST",
        "/api/v1/namespaces/default/pods",
        podNamed(name, options.hostUsers),
      );
      if (status !== 201) throw new Error(`creating pod ${name} was answered ${status}: ${JSON.stringify(body)}`);
      await done;
      return (running.get(name) ?? Number.NaN) - began;
    };
    await start("warm-up");
    await remove(client, ["warm-up"]);
    const sequential: number[] = [];
    for (let index = 0; index < SEQUENTIAL; index++) {
      sequential.push(await start(`one-${index}`));
      await remove(client, [`one-${index}`]);
    }
    const names = Array.from({ length: AT_ONCE }, (_, index) => `many-${index}`);
    const burst = await Promise.all(names.map(start));
    await remove(client, names);
    const bare = await measureBare(cluster.dataDir);
    stop.abort();
    await watching;
    await client.close();
    const row = (what: string, times: readonly number[], floor: readonly number[]): (string | number)[] => [
      what,
      percentile(times, 0.5),
      percentile(times, 0.9),
      percentile(floor, 0.5),
      (percentile(times, 0.5) / percentile(floor, 0.5)).toFixed(2),
    ];
    return table(
      ["create to Running", "p50 ms", "p90 ms", "bare CRI calls p50 ms", "ratio"],
      [
        row(`${SEQUENTIAL} one after the other`, sequential, bare.sequential),
        row(`${AT_ONCE} at once`, burst, bare.burst),
      ],
    );
  } finally {
    stop.abort();
    await cluster.destroy();
  }
}

async function measureBare(dataDir: string): Promise<{ readonly sequential: number[]; readonly burst: number[] }> {
  const bare = bareRuntime(runtimeLayout(dataDir).endpoint, IMAGE);
  const sequential: number[] = [];
  for (let index = 0; index < SEQUENTIAL; index++) {
    sequential.push(await bare.start(`bare-${index}`));
    await bare.clear();
  }
  const burst = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => bare.start(`bare-many-${index}`)));
  await bare.clear();
  bare.close();
  return { sequential, burst };
}

function podNamed(name: string, hostUsers: boolean | undefined): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...(hostUsers !== undefined && { hostUsers }),
      containers: [{ name: "main", image: IMAGE, imagePullPolicy: "IfNotPresent", command: ["sleep", "3600"] }],
    },
  };
}

async function remove(client: AdminClient, names: readonly string[]): Promise<void> {
  for (const name of names) await client.request("DELETE", `/api/v1/namespaces/default/pods/${name}`);
  for (const name of names) {
    await waitFor(`pod ${name} to be gone`, async () =>
      (await client.request("GET", `/api/v1/namespaces/default/pods/${name}`)).status === 404 ? true : undefined,
    );
  }
}
