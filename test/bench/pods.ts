import { runtimeLayout } from "../../src/adapters/runtime/runtime-layout.ts";
import { startCluster } from "../e2e/harness/cluster.ts";
import { waitFor } from "../e2e/harness/wait-for.ts";
import { adminClient, type AdminClient } from "./admin-client.ts";
import { bareRuntime } from "./bare-runtime.ts";
import { percentile, table } from "./statistics.ts";

const SEQUENTIAL = 20;
const AT_ONCE = 20;
const BURSTS = 3;
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
    // Turn by turn, so that both meet the same machine.
    const bare = bareRuntime(runtimeLayout(cluster.dataDir).endpoint, IMAGE, options);
    const sequential: Samples = { ours: [], bare: [] };
    for (let index = 0; index < SEQUENTIAL; index++) {
      sequential.ours.push(await start(`one-${index}`));
      await remove(client, [`one-${index}`]);
      sequential.bare.push(await bare.start(`one-${index}`));
      await bare.clear();
    }
    const burst: Samples = { ours: [], bare: [] };
    for (let round = 0; round < BURSTS; round++) {
      const names = Array.from({ length: AT_ONCE }, (_, index) => `many-${round}-${index}`);
      burst.ours.push(...(await Promise.all(names.map(start))));
      await remove(client, names);
      burst.bare.push(...(await Promise.all(names.map((name) => bare.start(name)))));
      await bare.clear();
    }
    bare.close();
    stop.abort();
    await watching;
    await client.close();
    return table(
      ["create to Running", "p50 ms", "p90 ms", "bare CRI calls p50 ms", "p90 ms", "ratio of p50"],
      [row(`${SEQUENTIAL} one after the other`, sequential), row(`${AT_ONCE} at once`, burst)],
    );
  } finally {
    stop.abort();
    await cluster.destroy();
  }
}

interface Samples {
  readonly ours: number[];
  readonly bare: number[];
}

function row(what: string, { ours, bare }: Samples): (string | number)[] {
  const ratio = percentile(ours, 0.5) / percentile(bare, 0.5);
  return [
    what,
    percentile(ours, 0.5),
    percentile(ours, 0.9),
    percentile(bare, 0.5),
    percentile(bare, 0.9),
    ratio.toFixed(2),
  ];
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
