import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { get as getOverTls } from "node:https";
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
import { bareRate, type BareTls, startBareTls } from "./bare-tls.ts";
import { rawHttpsLoad, type RawTarget } from "./raw-https-load.ts";
import { percentile, residentMebibytes, table } from "./statistics.ts";

const CONNECTIONS = 16;
const PODS = 20;
const EXECS = 20;
const TURNS = 3;
const MEBIBYTE = 2 ** 20;
const BARE_REQUESTS = 10_000;
const STDIN_BYTES = 128 * MEBIBYTE;
const FORWARDED_MEBIBYTES = 128;
/** Requests per second of upstream's kubelet on the reference host. */
const UPSTREAM: Readonly<Record<string, number>> = {
  "/healthz": 21_100,
  "/pods": 18_300,
  "/configz": 12_600,
  "/metrics": 383,
};
const REQUESTS: Readonly<Record<string, number>> = {
  "/healthz": 10_000,
  "/pods": 10_000,
  "/configz": 10_000,
  "/metrics": 1_500,
};

interface Client {
  readonly cert: string;
  readonly key: string;
}

/** The kubelet's API: reading endpoints over TLS, decisions in the process, and streams, each beside its floor. */
export async function kubelet(): Promise<string> {
  const cluster = await startCluster();
  try {
    const pki = join(cluster.dataDir, "pki");
    const client = await identity(pki, "apiserver-kubelet-client");
    await startPods(cluster);
    const bare = await startBareTls(await identity(pki, "apiserver"));
    try {
      return `${await readingRates(cluster, client, bare)}\n\n${await streamRates(cluster, client, bare)}`;
    } finally {
      await bare.stop();
    }
  } finally {
    await cluster.destroy();
  }
}

async function identity(pki: string, name: string): Promise<Client> {
  return {
    cert: await readFile(join(pki, `${name}.crt`), "utf8"),
    key: await readFile(join(pki, `${name}.key`), "utf8"),
  };
}

/** Requests per second of each endpoint, in turns with those of a server that does nothing. */
async function readingRates(cluster: TestCluster, client: Client, bare: BareTls): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const [path, total] of Object.entries(REQUESTS)) {
    const tails: number[] = [];
    let failed = 0;
    const target = { port: cluster.kubeletPort, path, ...client };
    const bytes = await answerBytes(target);
    const measured = await inTurns(
      async () => {
        const floor = { port: bare.httpsPort, path: `/${bytes}`, ...client };
        return (await rawHttpsLoad(floor, CONNECTIONS, BARE_REQUESTS)).perSecond;
      },
      async () => {
        const { perSecond, p99, failures } = await rawHttpsLoad(target, CONNECTIONS, total);
        tails.push(p99);
        failed += failures;
        return perSecond;
      },
    );
    rows.push([
      `GET ${path}${failed > 0 ? ` (${failed} failures)` : ""}`,
      bytes,
      measured.value,
      percentile(tails, 0.5),
      measured.floor,
      measured.ratio,
      UPSTREAM[path] ?? Number.NaN,
      await resident(cluster),
    ]);
  }
  const header = [
    "bytes",
    "per second",
    "p99 ms",
    "bare node:https with as many bytes",
    "ratio",
    "upstream elsewhere",
    "RSS MiB",
  ];
  return table([`${CONNECTIONS} connections, ${PODS} pods`, ...header], rows);
}

async function answerBytes({ port, path, cert, key }: RawTarget): Promise<number> {
  const options = { host: "127.0.0.1", port, path, cert, key, rejectUnauthorized: false, agent: false };
  const [answer] = (await once(getOverTls(options), "response")) as [IncomingMessage];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) bytes += piece.length;
  return bytes;
}

async function streamRates(cluster: TestCluster, client: Client, bare: BareTls): Promise<string> {
  const bareExec = await bareExecutor(cluster);
  const execs = await inTurns(bareExec.median, async () => percentile(await execTimes(cluster, client), 0.5));
  bareExec.close();
  const afterExec = await resident(cluster);
  const floor = (): Promise<number> => bareRate(bare.sinkPort, STDIN_BYTES);
  const stdin = await inTurns(floor, () => stdinRate(cluster, client));
  const afterStdin = await resident(cluster);
  const forwarded = await inTurns(floor, () => portForwardRate(cluster));
  const afterForward = await resident(cluster);
  return table(
    ["what", "value", "floor", "ratio", "RSS MiB"],
    [
      ["cached decision in the process (two lookups), µs of CPU", await cachedDecision(), "-", "-", "-"],
      [
        `exec of \`true\` over WebSocket beside the bare CRI call, p50 of ${EXECS}, ms`,
        execs.value,
        execs.floor,
        execs.ratio,
        afterExec,
      ],
      ["exec stdin (v5) beside bare TLS, MB/s", stdin.value, stdin.floor, stdin.ratio, afterStdin],
      [
        "kubectl port-forward from the pod beside bare TLS, MB/s",
        forwarded.value,
        forwarded.floor,
        forwarded.ratio,
        afterForward,
      ],
    ],
  );
}

interface InTurns {
  readonly value: number;
  readonly floor: number;
  readonly ratio: number;
}

/** Both measured in turns after one turn to warm up, so that other work on the machine meets both; medians. */
async function inTurns(floor: () => Promise<number>, subject: () => Promise<number>): Promise<InTurns> {
  await subject();
  const turns: InTurns[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const [low, value] = [await floor(), await subject()];
    turns.push({ floor: low, value, ratio: value / low });
  }
  const median = (pick: (turn: InTurns) => number): number => percentile(turns.map(pick), 0.5);
  return {
    value: median(({ value }) => value),
    floor: median((turn) => turn.floor),
    ratio: median(({ ratio }) => ratio),
  };
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

/** Straight to the container runtime, as the kubelet itself would ask it: no streams, no TLS. */
async function bareExecutor(cluster: TestCluster) {
  const kubectl = await kubectlFor(cluster);
  const where = "jsonpath={.status.containerStatuses[0].containerID}";
  const id = (await kubectl.ok(["get", "pod", "server", "-o", where])).trim().replace(/^\w+:\/\//, "");
  const runtime = createCriRuntime({ endpoint: runtimeLayout(cluster.dataDir).endpoint });
  return {
    close: () => runtime.close(),
    async median(): Promise<number> {
      const signal = AbortSignal.timeout(120_000);
      const times: number[] = [];
      for (let index = 0; index < EXECS; index++) {
        const began = performance.now();
        await runtime.streaming.execSync(id, ["true"], 10, signal);
        times.push(performance.now() - began);
      }
      return percentile(times, 0.5);
    },
  };
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

/** Microseconds of processor time for one request whose answers are remembered: nodes/pods refused, nodes/proxy allowed. */
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
  const began = process.cpuUsage();
  for (let index = 0; index < rounds; index++) await check(request);
  const { user: inUser, system } = process.cpuUsage(began);
  return (inUser + system) / rounds;
}
