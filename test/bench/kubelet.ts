import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { WebSocket } from "ws";
import { createAccessReviews } from "../../src/kubelet/authorization/access-reviews.ts";
import { createCheckAccess } from "../../src/kubelet/authorization/check-access.ts";
import { createCriRuntime } from "../../src/adapters/cri/runtime.ts";
import { runtimeLayout } from "../../src/adapters/runtime/runtime-layout.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { HttpRequest } from "../../src/ports/http.ts";
import { quietLog } from "../../src/testing/quiet.ts";
import { freePort, startCluster, type TestCluster } from "../e2e/harness/cluster.ts";
import { kubectlPath } from "../e2e/harness/kubectl.ts";
import { kubectlFor } from "../e2e/harness/kubectl-runner.ts";
import { waitFor } from "../e2e/harness/wait-for.ts";
import { bareRate, startBareTls } from "./bare-tls.ts";
import { rawHttpsLoad } from "./raw-https-load.ts";
import { percentile, residentMebibytes, table } from "./statistics.ts";

const CONNECTIONS = 16;
const PODS = 20;
const EXECS = 50;
const MEBIBYTE = 2 ** 20;
const BARE_REQUESTS = 60_000;
const STDIN_BYTES = 256 * MEBIBYTE;
const FORWARDED_MEBIBYTES = 256;
/** Requests per second of upstream's kubelet on the reference host. */
const UPSTREAM: Readonly<Record<string, number>> = {
  "/healthz": 21_100,
  "/pods": 18_300,
  "/configz": 12_600,
  "/metrics": 383,
};
const REQUESTS: Readonly<Record<string, number>> = {
  "/healthz": 60_000,
  "/pods": 40_000,
  "/configz": 40_000,
  "/metrics": 4_000,
};

interface Client {
  readonly cert: string;
  readonly key: string;
}

/** The kubelet's API: reading endpoints over TLS, decisions in the process, and streams. */
export async function kubelet(): Promise<string> {
  const cluster = await startCluster();
  try {
    const pki = join(cluster.dataDir, "pki");
    const client: Client = {
      cert: await readFile(join(pki, "apiserver-kubelet-client.crt"), "utf8"),
      key: await readFile(join(pki, "apiserver-kubelet-client.key"), "utf8"),
    };
    await startPods(cluster);
    const bare = await startBareTls(await servingIdentity(pki));
    const bareTarget = { port: bare.httpsPort, path: "/", ...client };
    await rawHttpsLoad(bareTarget, CONNECTIONS, BARE_REQUESTS / 20);
    const floor = await rawHttpsLoad(bareTarget, CONNECTIONS, BARE_REQUESTS);
    const floorRate = await bareRate(bare.sinkPort, STDIN_BYTES);
    await bare.stop();
    const rows: (string | number)[][] = [["bare node:https that says ok", floor.perSecond, floor.p99, 1, "-", "-"]];
    for (const [path, total] of Object.entries(REQUESTS)) {
      const target = { port: cluster.kubeletPort, path, ...client };
      await rawHttpsLoad(target, CONNECTIONS, Math.ceil(total / 20));
      const { perSecond, p99, failures } = await rawHttpsLoad(target, CONNECTIONS, total);
      const note = failures > 0 ? ` (${failures} failures)` : "";
      const upstream = UPSTREAM[path] ?? Number.NaN;
      rows.push([`GET ${path}${note}`, perSecond, p99, perSecond / floor.perSecond, upstream, await resident(cluster)]);
    }
    const endpoints = table(
      [
        `${CONNECTIONS} connections, ${PODS} pods`,
        "per second",
        "p99 ms",
        "ratio to the first row",
        "upstream per second, elsewhere",
        "RSS MiB",
      ],
      rows,
    );
    const bareExecs = await bareExecTimes(cluster);
    const execs = await execTimes(cluster, client);
    const afterExec = await resident(cluster);
    const stdin = await stdinRate(cluster, client);
    const afterStdin = await resident(cluster);
    const forwarded = await portForwardRate(cluster);
    const afterForward = await resident(cluster);
    const streams = table(
      ["what", "value", "ratio", "RSS MiB"],
      [
        ["cached decision in the process, two lookups, µs", await cachedDecision(), "-", "-"],
        [`bare CRI ExecSync of \`true\`, p50 of ${EXECS}, ms`, percentile(bareExecs, 0.5), 1, "-"],
        [
          `exec of \`true\` over WebSocket, p50 of ${EXECS}, ms`,
          percentile(execs, 0.5),
          percentile(execs, 0.5) / percentile(bareExecs, 0.5),
          afterExec,
        ],
        ["bare TLS between two processes, MB/s", floorRate, 1, "-"],
        ["exec stdin (v5), MB/s", stdin, stdin / floorRate, afterStdin],
        ["kubectl port-forward, from the pod, MB/s", forwarded, forwarded / floorRate, afterForward],
      ],
    );
    return `${endpoints}\n\n${streams}`;
  } finally {
    await cluster.destroy();
  }
}

async function resident(cluster: TestCluster): Promise<number> {
  return residentMebibytes(await readFile(`/proc/${cluster.pid}/status`, "utf8"));
}

async function startPods(cluster: TestCluster): Promise<void> {
  const kubectl = await kubectlFor(cluster);
  const command = `dd if=/dev/zero of=/tmp/data bs=1M count=${FORWARDED_MEBIBYTES} 2>/dev/null; httpd -f -p 8080 -h /tmp`;
  await kubectl.ok(["run", "server", "--image=busybox", "--", "sh", "-c", command]);
  for (let index = 1; index < PODS; index++) {
    await kubectl.ok(["run", `idle-${index}`, "--image=busybox", "--", "sleep", "100000"]);
  }
  await kubectl.ok(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);
}

async function servingIdentity(pki: string): Promise<Client> {
  return {
    cert: await readFile(join(pki, "apiserver.crt"), "utf8"),
    key: await readFile(join(pki, "apiserver.key"), "utf8"),
  };
}

/** Straight to the container runtime, as the kubelet itself would ask it: no streams, no TLS. */
async function bareExecTimes(cluster: TestCluster): Promise<readonly number[]> {
  const kubectl = await kubectlFor(cluster);
  const where = "jsonpath={.status.containerStatuses[0].containerID}";
  const id = (await kubectl.ok(["get", "pod", "server", "-o", where])).trim().replace(/^\w+:\/\//, "");
  const runtime = createCriRuntime({ endpoint: runtimeLayout(cluster.dataDir).endpoint });
  const signal = AbortSignal.timeout(120_000);
  const times: number[] = [];
  for (let index = 0; index < EXECS; index++) {
    const began = performance.now();
    await runtime.streaming.execSync(id, ["true"], 10, signal);
    times.push(performance.now() - began);
  }
  runtime.close();
  return times;
}

function dial(cluster: TestCluster, client: Client, query: string): WebSocket {
  const url = `wss://127.0.0.1:${cluster.kubeletPort}/exec/default/server/server?${query}`;
  return new WebSocket(url, ["v5.channel.k8s.io"], { ...client, rejectUnauthorized: false });
}

async function execTimes(cluster: TestCluster, client: Client): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < EXECS; index++) {
    const began = performance.now();
    await once(dial(cluster, client, "command=true&output=1"), "close");
    times.push(performance.now() - began);
  }
  return times;
}

/**
 * From the first byte to the exit of a program that reads them all. A shell stays around it: containerd closes the stdin of
 * a process that has no standard output any more.
 */
async function stdinRate(cluster: TestCluster, client: Client): Promise<number> {
  const socket = dial(cluster, client, "command=sh&command=-c&command=cat%20%3E/dev/null;true&input=1&output=1");
  await once(socket, "open");
  const closed = once(socket, "close");
  const piece = Buffer.alloc(32 * 1024 + 1);
  const began = performance.now();
  for (let sent = 0; sent < STDIN_BYTES; sent += piece.length - 1) {
    await new Promise<void>((resolve, reject) => {
      socket.send(piece, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  }
  socket.send(Buffer.from([255, 0]));
  await closed;
  return STDIN_BYTES / 1e6 / ((performance.now() - began) / 1000);
}

async function portForwardRate(cluster: TestCluster): Promise<number> {
  const port = await freePort();
  const child = spawn(await kubectlPath(), ["port-forward", "pod/server", `${port}:8080`], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: "ignore",
  });
  const download = (): Promise<number> =>
    new Promise((resolve, reject) => {
      get({ host: "127.0.0.1", port, path: "/data" }, (response) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => (bytes += chunk.length));
        response.on("end", () => resolve(bytes));
        response.on("error", reject);
      }).on("error", reject);
    });
  try {
    await waitFor("the port", async () => ((await headOf(port)) === 200 ? true : undefined));
    const began = performance.now();
    const bytes = await download();
    if (bytes !== FORWARDED_MEBIBYTES * MEBIBYTE) throw new Error(`${bytes} bytes came through the port-forward`);
    return bytes / 1e6 / ((performance.now() - began) / 1000);
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

async function headOf(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/data`, { method: "HEAD" });
  return answer.status;
}

/** Microseconds for one request whose answers are remembered: nodes/pods refused, nodes/proxy allowed. */
async function cachedDecision(): Promise<number> {
  const clock = createSystemClock();
  const user = { name: "agent", groups: ["system:authenticated"], extra: {} };
  const client = {
    create: async (_resource: unknown, review: never) => {
      const { spec } = review as { readonly spec: { readonly resourceAttributes: { readonly subresource: string } } };
      return { status: { allowed: spec.resourceAttributes.subresource === "proxy" } } as never;
    },
  };
  const reviewAccess = createAccessReviews(
    { client, clock, random: createSystemRandom() },
    { cacheAllowedMs: 300_000, cacheRefusedMs: 300_000 },
  );
  const check = createCheckAccess(
    { authenticate: async () => ({ type: "user", user }), reviewAccess, log: quietLog() },
    { nodeName: "node", fineGrained: true, connectMode: "enforce" },
  );
  const request = { method: "GET", path: "/pods", signal: new AbortController().signal } as unknown as HttpRequest;
  const rounds = 200_000;
  for (let index = 0; index < rounds / 10; index++) await check(request);
  const began = performance.now();
  for (let index = 0; index < rounds; index++) await check(request);
  return ((performance.now() - began) / rounds) * 1000;
}
