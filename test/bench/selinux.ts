import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { table } from "./statistics.ts";

interface Scenario {
  readonly name: string;
  readonly pods: number;
  readonly volumes: number;
  /** Distinct levels on each volume. */
  readonly labels: number;
  readonly series: number;
  /** Wait until every pod in conflict has its event, too. */
  readonly untilReported: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { name: "500 pods, 1 volume, no cap", pods: 500, volumes: 1, labels: 2, series: 0, untilReported: true },
  { name: "1,500 pods, 1 volume", pods: 1_500, volumes: 1, labels: 2, series: 10_000, untilReported: true },
  { name: "1,500 pods, 1 volume, no cap", pods: 1_500, volumes: 1, labels: 2, series: 0, untilReported: false },
  { name: "10,000 pods, 1 volume", pods: 10_000, volumes: 1, labels: 2, series: 10_000, untilReported: false },
  {
    name: "10,000 pods, 1 volume, all labels differ",
    pods: 10_000,
    volumes: 1,
    labels: 10_000,
    series: 10_000,
    untilReported: false,
  },
  {
    name: "150,000 pods, 50,000 volumes",
    pods: 150_000,
    volumes: 50_000,
    labels: 2,
    series: 10_000,
    untilReported: false,
  },
];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAMESPACE = "bench";

/** `orlop controller-manager` with the SELinux warning controller in a process of its own, against a server of lists. */
export async function selinux(): Promise<string> {
  const rows: (string | number)[][] = [];
  // SELINUX_BENCH=150,000 runs only the scenarios with that in their name.
  const wanted = process.env["SELINUX_BENCH"] ?? "";
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(wanted))) {
    const row = await measure(scenario);
    console.error(row.join("  "));
    rows.push(row);
  }
  return table(
    [
      "what",
      "indexed after s",
      "CPU s",
      "peak MiB",
      "scrape ms",
      "its CPU ms",
      "series",
      "scrape MiB",
      "events",
      "one more pod until a scrape shows it, ms",
    ],
    rows,
  );
}

async function measure(scenario: Scenario): Promise<(string | number)[]> {
  const cluster = createListServer(scenario);
  const directory = await mkdtemp(join(tmpdir(), "orlop-bench-"));
  const port = await freePort();
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigText(await cluster.listen()));
  const child = spawn(
    process.execPath,
    [
      // As in deploy/controller-manager.
      "--max-old-space-size=768",
      join(ROOT, "dist/orlop.mjs"),
      "controller-manager",
      `--kubeconfig=${kubeconfig}`,
      "--controllers=selinux-warning-controller",
      "--leader-elect=false",
      "--selinux-report=bench/selinux-conflicts",
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      `--selinux-conflict-series=${scenario.series}`,
      "--log-level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  try {
    const began = performance.now();
    const wanted = scenario.pods;
    // Asking costs CPU that is not the work's.
    const pause = scenario.pods > 10_000 ? 2_000 : 200;
    const indexed = await until(
      async () => (await scrape(port, "totals")).text.includes(`conflicting_pods ${wanted}\n`),
      pause,
    );
    const indexedAfter = (indexed - began) / 1000;
    if (scenario.untilReported) await until(async () => cluster.eventsOn() >= scenario.pods);
    const cpu = await cpuSeconds(child.pid ?? 0);
    const peak = await peakMebibytes(child.pid ?? 0);
    const times: number[] = [];
    let last = await scrape(port);
    const before = await cpuSeconds(child.pid ?? 0);
    for (let round = 0; round < 5; round++) {
      last = await scrape(port);
      times.push(last.milliseconds);
    }
    const scrapeCpu = ((await cpuSeconds(child.pid ?? 0)) - before) * 200;
    const series = last.text.split("selinux_volume_conflict{").length - 1;
    const more = await oneMorePod(cluster, port, scenario);
    return [
      scenario.name,
      indexedAfter,
      cpu,
      peak,
      times.toSorted((one, two) => one - two)[2] ?? Number.NaN,
      scrapeCpu,
      String(series),
      last.text.length / 2 ** 20,
      String(cluster.eventsOn()),
      more,
    ];
  } finally {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    cluster.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds from a pod's watch event until the metrics count it. */
async function oneMorePod(cluster: ListServer, port: number, scenario: Scenario): Promise<number> {
  const began = performance.now();
  cluster.addPod(scenario.pods);
  const seen = await until(
    async () => (await scrape(port, "totals")).text.includes(`conflicting_pods ${scenario.pods + 1}\n`),
    5,
  );
  return seen - began;
}

interface ListServer {
  listen(): Promise<string>;
  eventsOn(): number;
  addPod(number: number): void;
  close(): void;
}

/** Answers what the controller asks: lists in pages, watches that stay open, events, token and access reviews. */
function createListServer(scenario: Scenario): ListServer {
  const told = new Set<string>();
  const podWatches = new Set<ServerResponse>();
  const collections: Readonly<Record<string, { readonly count: number; readonly item: (number: number) => unknown }>> =
    {
      "/api/v1/pods": { count: scenario.pods, item: (number) => pod(scenario, number) },
      "/api/v1/persistentvolumeclaims": { count: scenario.volumes, item: claim },
      "/api/v1/persistentvolumes": { count: scenario.volumes, item: volume },
      "/apis/storage.k8s.io/v1/csidrivers": {
        count: 1,
        item: () => ({ metadata: meta("driver.example.com"), spec: { seLinuxMount: true } }),
      },
    };
  const answer = (response: ServerResponse, body: unknown): void => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const collection = collections[url.pathname];
    if (request.method === "GET" && collection !== undefined) {
      if (url.searchParams.get("watch") === "true") {
        response.writeHead(200, { "content-type": "application/json" });
        response.flushHeaders();
        if (url.pathname === "/api/v1/pods") podWatches.add(response);
        return;
      }
      const from = Number(url.searchParams.get("continue") ?? 0);
      const to = Math.min(collection.count, from + Number(url.searchParams.get("limit") ?? 500));
      const items = Array.from({ length: to - from }, (_, index) => collection.item(from + index));
      const metadata = { resourceVersion: "1", ...(to < collection.count && { continue: String(to) }) };
      answer(response, { metadata, items });
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text === "" ? "{}" : text) as { readonly involvedObject?: { readonly name: string } };
    if (url.pathname.endsWith("/events")) told.add(body.involvedObject?.name ?? "");
    if (url.pathname.endsWith("/tokenreviews"))
      answer(response, { status: { authenticated: true, user: { username: "bench" } } });
    else if (url.pathname.endsWith("/subjectaccessreviews")) answer(response, { status: { allowed: true } });
    else answer(response, body);
  };
  const server: Server = createServer((request, response) => void handle(request, response));
  return {
    listen: () =>
      new Promise((resolve) => {
        server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
      }),
    eventsOn: () => told.size,
    addPod(number) {
      for (const watch of podWatches)
        watch.write(`${JSON.stringify({ type: "ADDED", object: pod(scenario, number) })}\n`);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function meta(name: string, namespace?: string): Record<string, unknown> {
  return {
    name,
    uid: `00000000-0000-4000-8000-${name.replaceAll(/\D/g, "").padStart(12, "0")}`,
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...(namespace !== undefined && { namespace }),
  };
}

/** About as large as a pod of a Deployment with one container is on a real cluster (2.5 KiB). */
function pod({ volumes, labels }: Scenario, number: number): unknown {
  const label = Math.floor(number / volumes) % labels;
  const level = `s0:c${label % 1024},c${1024 + Math.floor(label / 1024)}`;
  const conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(
    (type) => ({ type, status: "True", lastProbeTime: null, lastTransitionTime: "2026-01-01T00:00:00Z" }),
  );
  return {
    metadata: {
      ...meta(`app-6d4cf56db6-${number}`, NAMESPACE),
      labels: { app: "app", "pod-template-hash": "6d4cf56db6", "app.kubernetes.io/part-of": "bench" },
      annotations: { "prometheus.io/scrape": "true", "checksum/config": "c".repeat(64) },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: "app-6d4cf56db6",
          uid: "u",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      securityContext: { seLinuxOptions: { level }, fsGroup: 1000 },
      nodeName: `node-${number % 500}`,
      serviceAccountName: "default",
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      ],
      containers: [
        {
          name: "app",
          image: "registry.example.com/team/app:1.2.3",
          env: Array.from({ length: 8 }, (_, index) => ({ name: `SETTING_${index}`, value: "a value of some length" })),
          resources: { requests: { cpu: "100m", memory: "128Mi" } },
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: `data-${number % volumes}` } },
        { name: "token", projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: "token" } }] } },
      ],
    },
    status: { phase: "Running", podIP: "10.0.0.1", startTime: "2026-01-01T00:00:00Z", conditions },
  };
}

function claim(number: number): unknown {
  return {
    metadata: meta(`data-${number}`, NAMESPACE),
    spec: { volumeName: `pv-${number}`, accessModes: ["ReadWriteMany"] },
  };
}

function volume(number: number): unknown {
  return {
    metadata: meta(`pv-${number}`),
    spec: {
      accessModes: ["ReadWriteMany"],
      claimRef: { namespace: NAMESPACE, name: `data-${number}` },
      csi: { driver: "driver.example.com", volumeHandle: `share-${number}` },
    },
  };
}

function scrape(
  port: number,
  what: "all" | "totals" = "all",
): Promise<{ readonly text: string; readonly milliseconds: number }> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port,
        path: "/metrics",
        rejectUnauthorized: false,
        headers: { authorization: "Bearer bench" },
      },
      (response) => {
        const chunks: Buffer[] = [];
        const finish = (): void =>
          resolve({ text: Buffer.concat(chunks).toString("latin1"), milliseconds: performance.now() - began });
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          // The totals come first.
          if (what === "totals" && chunk.includes("conflicting_pods ")) {
            finish();
            response.destroy();
          }
        });
        response.on("end", finish);
      },
    );
    request.on("error", reject);
    request.end();
  });
}

/** @returns when it was met, on the clock of performance.now() */
async function until(met: () => Promise<boolean>, pauseMs = 200): Promise<number> {
  for (let round = 0; round < 3_000; round++) {
    if (await met().catch(() => false)) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error("gave up waiting");
}

async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function peakMebibytes(pid: number): Promise<number> {
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createNetServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function kubeconfigText(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "bench", cluster: { server } }],
    users: [{ name: "bench", user: { token: "bench" } }],
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
    "current-context": "bench",
  });
}
