import { execFile, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { createAuditInput } from "../../src/core/audit/input-builder.ts";
import { createAudit } from "../../src/core/audit/audit.ts";
import { table } from "./statistics.ts";

const ROLES = 10_000;
const BINDINGS = 50_000;
const NODES = 5_000;
const LOG_BYTES = 2 ** 30;
const GROUP = "rbac.authorization.k8s.io";

/** `orlop audit kubelet` over a large cluster and a large audit log, as processes, with their peak memory. */
export async function audit(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-audit-"));
  try {
    const snapshot = join(directory, "cluster.json");
    const items = cluster();
    await writeFile(
      snapshot,
      JSON.stringify({ kind: "ClusterSnapshot", serverVersion: "v1.36.0", missing: [], items }),
    );
    const whole = await measured([
      "audit",
      "kubelet",
      "-f",
      snapshot,
      "-o",
      "json",
      "--output-file",
      join(directory, "out.json"),
    ]);
    const parsing = await timed(async () => void JSON.parse(await readFile(snapshot, "utf8")));
    const log = join(directory, "audit.log");
    await writeLog(log);
    const counting = await timed(async () => {
      await new Promise((done) => execFile("grep", ["-c", '"subjectaccessreviews"', log], done));
    });
    const without = await measured(["audit", "kubelet", "-f", snapshot, "-o", "name"]);
    const mined = await measured(["audit", "kubelet", "-f", snapshot, "--audit-log", log, "-o", "name"]);
    await writeFile(
      snapshot,
      JSON.stringify({ kind: "ClusterSnapshot", serverVersion: "v1.36.0", missing: [], items: worstCase() }),
    );
    const worst = await measured(["audit", "kubelet", "-f", snapshot, "-o", "name"]);
    const point = pointQuestion(items);
    const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);
    return table(
      ["what", "seconds", "peak MiB", "remark"],
      [
        [
          `all subjects, ${ROLES} roles, ${BINDINGS} bindings, ${NODES} nodes, JSON`,
          seconds(whole.milliseconds),
          whole.peakMiB,
          `exit code ${whole.code}`,
        ],
        ["only parsing that snapshot", seconds(parsing), "", "JSON.parse"],
        ["only counting lines of that log", seconds(counting), "", "grep -c"],
        [
          "the same with 1 GiB of audit log",
          seconds(mined.milliseconds),
          mined.peakMiB,
          `exit code ${mined.code}, ${Math.round(LOG_BYTES / 2 ** 20 / ((mined.milliseconds - without.milliseconds) / 1000))} MiB/s for the log`,
        ],
        [
          `${BINDINGS} bindings, every second subject a holder, the others one step from it`,
          seconds(worst.milliseconds),
          worst.peakMiB,
          `exit code ${worst.code}`,
        ],
        ["one subject with its detours, loaded", (point / 1000).toFixed(4), "", "slowest of 100"],
      ],
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function cluster(): readonly unknown[] {
  const items: unknown[] = [];
  for (let index = 0; index < NODES; index++) {
    items.push({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: `node-${index}` },
      status: { nodeInfo: { kubeletVersion: index % 3 === 0 ? "v1.32.4" : "v1.36.1" } },
    });
  }
  for (let index = 0; index < ROLES; index++) {
    const special = index % 50;
    items.push({
      apiVersion: `${GROUP}/v1`,
      kind: "ClusterRole",
      metadata: { name: `role-${index}`, labels: { tier: `t${index % 40}` } },
      ...(special === 7 && {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { tier: `t${index % 40}` } }] },
      }),
      rules: [
        { apiGroups: [""], resources: ["pods", "services", "configmaps"], verbs: ["get", "list", "watch"] },
        ...(special === 1 ? [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }] : []),
        ...(special === 2 ? [{ apiGroups: [""], resources: ["nodes/metrics", "nodes/pods"], verbs: ["get"] }] : []),
        ...(special === 3 ? [{ apiGroups: [""], resources: ["pods"], verbs: ["create"] }] : []),
        ...(special === 4
          ? [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"], resourceNames: [`node-${index % NODES}`] }]
          : []),
      ],
    });
  }
  for (let index = 0; index < BINDINGS; index++) {
    const namespaced = index % 2 === 1;
    items.push({
      apiVersion: `${GROUP}/v1`,
      kind: namespaced ? "RoleBinding" : "ClusterRoleBinding",
      metadata: { name: `binding-${index}`, ...(namespaced && { namespace: `ns-${index % 1000}` }) },
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: `role-${(index * 7) % ROLES}` },
      subjects: [{ kind: "ServiceAccount", name: `account-${index % 20_000}`, namespace: `ns-${index % 1000}` }],
    });
  }
  return items;
}

/** Everybody counts: half hold nodes/proxy, half may create pods that run as those. */
function worstCase(): readonly unknown[] {
  const role = (name: string, resource: string, verbs: readonly string[]): unknown => ({
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRole",
    metadata: { name },
    rules: [{ apiGroups: [""], resources: [resource], verbs }],
  });
  const items = [role("holder", "nodes/proxy", ["get"]), role("maker", "pods", ["*"])];
  for (let index = 0; index < BINDINGS; index++) {
    items.push({
      apiVersion: `${GROUP}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: `binding-${index}` },
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: index % 2 === 0 ? "holder" : "maker" },
      subjects: [{ kind: "ServiceAccount", name: `account-${index}`, namespace: `ns-${index % 1000}` }],
    });
  }
  return items;
}

/** Mostly what a real log is full of, with one review by a kubelet in twenty lines. */
async function writeLog(path: string): Promise<void> {
  const out = createWriteStream(path, { highWaterMark: 2 ** 22 });
  const padding = "x".repeat(700);
  let written = 0;
  for (let index = 0; written < LOG_BYTES; index++) {
    const at = new Date(1_760_000_000_000 + index * 10).toISOString();
    const review = index % 20 === 0;
    const line = `${JSON.stringify({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      stage: "ResponseComplete",
      requestURI: review ? "/apis/authorization.k8s.io/v1/subjectaccessreviews" : "/api/v1/namespaces/a/pods",
      verb: review ? "create" : "get",
      user: { username: `system:node:node-${index % NODES}`, groups: ["system:nodes"] },
      objectRef: { resource: review ? "subjectaccessreviews" : "pods" },
      ...(review && {
        requestObject: {
          spec: {
            user: `system:serviceaccount:ns-${index % 100}:account-${index % 100}`,
            resourceAttributes: {
              verb: "get",
              version: "v1",
              resource: "nodes",
              subresource: "metrics",
              name: `node-${index % NODES}`,
            },
          },
        },
        responseObject: { status: { allowed: true } },
      }),
      annotations: { padding },
      requestReceivedTimestamp: at,
    })}\n`;
    written += line.length;
    if (!out.write(line)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

interface Measured {
  readonly milliseconds: number;
  readonly peakMiB: number;
  readonly code: number;
}

async function measured(args: readonly string[]): Promise<Measured> {
  // Builds when that is needed, which is not to be measured.
  await new Promise((done) => execFile("./orlop", ["version"], done));
  const started = performance.now();
  const child = spawn(process.execPath, ["dist/orlop.mjs", ...args, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  let peakMiB = 0;
  const { readFileSync } = await import("node:fs");
  const watch = setInterval(() => {
    try {
      const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      peakMiB = Math.max(peakMiB, Math.round(Number(kib ?? 0) / 1024));
    } catch {
      // It has just ended.
    }
  }, 50);
  const [code] = (await once(child, "close")) as [number];
  clearInterval(watch);
  return { milliseconds: performance.now() - started, peakMiB, code };
}

/** Milliseconds for a question about one subject of a loaded input: the slowest of a hundred. */
function pointQuestion(items: readonly unknown[]): number {
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: true });
  for (const value of items) builder.add({ value, origin: { file: "", line: 0 } });
  const loaded = createAudit(builder.finish(), { generatedAt: "", source: "", assumedKubelet: "1.36" });
  let slowest = 0;
  for (let index = 0; index < 100; index++) {
    const name = `system:serviceaccount:ns-${index}:account-${index}`;
    const started = performance.now();
    loaded.subject({ kind: "ServiceAccount", name });
    slowest = Math.max(slowest, performance.now() - started);
  }
  return slowest;
}
