import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Attributes, Decision } from "../core/authz/attributes.ts";
import { auditKubelets } from "../core/audit/audit.ts";
import { createAuditInput } from "../core/audit/input-builder.ts";
import type { KubeletAccessReport } from "../core/audit/report.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import { ADMIN, startTestApiServer, type TestApiServer } from "../testing/api-server.ts";
import { addSnapshot } from "./audit-input.ts";
import { type ClusterSnapshot, isSnapshot, takeSnapshot } from "./cluster-snapshot.ts";

const GROUP = "rbac.authorization.k8s.io";
const ROLE = {
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRole",
  metadata: { name: "agent", annotations: { note: "not kept" } },
  rules: [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }],
};
const BINDING = {
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name: "agent" },
  roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: "agent" },
  subjects: [{ kind: "ServiceAccount", name: "agent", namespace: "monitoring" }],
};

let cluster: TestApiServer;
const asked: Attributes[] = [];
/** Resources the caller may not list. */
let forbidden: ReadonlySet<string> = new Set();

beforeEach(async () => {
  asked.length = 0;
  forbidden = new Set();
  cluster = await startTestApiServer({
    parts: () => ({
      authorize: async (attributes): Promise<Decision> => {
        asked.push(attributes);
        const denied = attributes.type === "resource" && forbidden.has(attributes.resource);
        return denied ? { decision: "no-opinion", reason: "" } : { decision: "allow", reason: "" };
      },
    }),
  });
  const { objects } = cluster;
  await objects.create("namespaces", "", { metadata: { name: "monitoring" } });
  await objects.create("clusterroles.rbac.authorization.k8s.io", "", ROLE);
  await objects.create("clusterrolebindings.rbac.authorization.k8s.io", "", BINDING);
  await objects.create("nodes", "", { metadata: { name: "node-1" } });
  await objects.create("serviceaccounts", "monitoring", { metadata: { name: "agent" } });
  for (const name of ["agent-a", "agent-b"]) {
    await objects.create("pods", "monitoring", {
      metadata: { name },
      spec: {
        serviceAccountName: "agent",
        containers: [{ name: "c", image: "agent:1", env: [{ name: "PASSWORD", value: "secret-in-a-pod" }] }],
        volumes: [{ name: "v", configMap: { name: "scrape" } }],
      },
    });
  }
  await objects.create("configmaps", "monitoring", { metadata: { name: "other" }, data: { key: "not-for-us" } });
  await objects.create("configmaps", "monitoring", {
    metadata: { name: "scrape" },
    data: { "prometheus.yml": "scrape_configs: [{metrics_path: /api/v1/nodes/$1/proxy/metrics}]", token: "not-for-us" },
  });
  await objects.create("secrets", "monitoring", { metadata: { name: "s" }, data: { password: "bm90LWZvci11cw==" } });
  asked.length = 0;
});
afterEach(() => cluster.stop());

function take(transport: ClusterTransport = cluster.connect(ADMIN)): Promise<ClusterSnapshot> {
  const client = createClusterClient({ transport, userAgent: "test" });
  return takeSnapshot(
    { client, progress: () => undefined },
    { server: "https://test", now: "2026-01-01T00:00:00Z", signal: new AbortController().signal },
  );
}

/** What comes out of the file is what went in. */
function reportOn(snapshot: ClusterSnapshot): KubeletAccessReport {
  const read: unknown = JSON.parse(JSON.stringify(snapshot));
  if (!isSnapshot(read)) throw new Error("not a snapshot");
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
  addSnapshot(builder, read);
  return auditKubelets(builder.finish(), { generatedAt: "", source: "", assumedKubelet: "1.36" });
}

describe("takeSnapshot()", () => {
  it("only reads", async () => {
    await take();
    const verbs = asked.map(({ verb }) => verb);
    expect(new Set(verbs)).toEqual(new Set(["get", "list"]));
    expect(asked.some((one) => one.type === "resource" && one.resource === "secrets")).toBe(false);
  });

  it("holds what the audit needs, and nothing that could be secret", async () => {
    const snapshot = await take();
    const text = JSON.stringify(snapshot);
    for (const kept of ["agent:1", "nodes/proxy", "scrape_configs", snapshot.serverVersion]) {
      expect(text).toContain(kept);
    }
    for (const left of ["secret-in-a-pod", "PASSWORD", "not-for-us", "bm90LWZvci11cw", "not kept"]) {
      expect(text).not.toContain(left);
    }
    expect(snapshot.items.filter((item) => (item as { kind: string }).kind === "Pod")).toHaveLength(1);
    expect(snapshot.missing).toEqual([]);
  });

  it("gives the same answers offline", async () => {
    const report = reportOn(await take());
    expect(report.complete).toBe(true);
    expect(report.subjects.map(({ name, runCommands }) => [name, runCommands?.withGetAlone])).toContainEqual([
      "system:serviceaccount:monitoring:agent",
      true,
    ]);
    expect(report.summary.objects).toMatchObject({ Node: 1, workloads: 1 });
  });

  it.each(["roles", "rolebindings", "nodes", "serviceaccounts", "pods"])(
    "names %s when they may not be listed, and the report is incomplete",
    async (resource) => {
      forbidden = new Set([resource]);
      const report = reportOn(await take());
      expect(report.complete).toBe(false);
      expect(report.problems).toMatchObject([
        { severity: "error", message: expect.stringMatching(new RegExp(`^list ${resource}.*forbidden`)) },
      ]);
    },
  );

  it("warns when configurations can not be seen, as no answer is wrong for it", async () => {
    forbidden = new Set(["configmaps"]);
    const report = reportOn(await take());
    expect(report.complete).toBe(true);
    expect(report.problems).toMatchObject([{ severity: "warning" }]);
  });

  it.each(["clusterroles", "clusterrolebindings"])("refuses to guess without %s", async (resource) => {
    forbidden = new Set([resource]);
    await expect(take()).rejects.toThrow(`does not let this user list ${resource}`);
  });

  it("begins again when the server has forgotten the state its pages are of", async () => {
    for (let index = 0; index < 600; index++) {
      await cluster.objects.create("serviceaccounts", "monitoring", { metadata: { name: `a-${index}` } });
    }
    const inner = cluster.connect(ADMIN);
    let refusals = 2;
    const forgetful: ClusterTransport = {
      ...inner,
      send: (request) => {
        if (request.path.includes("continue=") && refusals > 0) {
          refusals -= 1;
          return inner.send({ ...request, path: request.path.replace(/continue=[^&]*/, "continue=eyJ2IjoxfQ") });
        }
        return inner.send(request);
      },
    };
    const snapshot = await take({ ...forgetful, send: (request) => goneOr(forgetful, request) });
    const accounts = snapshot.items.filter((item) => (item as { kind: string }).kind === "ServiceAccount");
    expect(accounts.length).toBeGreaterThanOrEqual(600);
    expect(snapshot.missing).toEqual([]);
  });
});

/** Upstream answers a page of a state that is gone with 410. */
async function goneOr(
  transport: ClusterTransport,
  request: Parameters<ClusterTransport["send"]>[0],
): ReturnType<ClusterTransport["send"]> {
  if (!request.path.includes("continue=")) return transport.send(request);
  const response = await transport.send(request);
  if (response.status < 400) return response;
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410, message: "gone" };
  return {
    ...response,
    status: 410,
    body: (async function* () {
      yield new TextEncoder().encode(JSON.stringify(body));
    })(),
  };
}
