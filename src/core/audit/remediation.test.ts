import jsonPatch from "fast-json-patch";
import { describe, expect, it } from "vitest";
import { auditKubelets } from "./audit.ts";
import { createAuditInput } from "./input-builder.ts";
import type { AuditInput } from "./input.ts";
import type { Remediation } from "./remediation.ts";
import type { KubeletAccessReport } from "./report.ts";
import { scrapesThroughApiServer } from "./scrape-config.ts";
import { createUsageCollector, type Usage } from "./usage.ts";
import type { UsageEvent } from "./usage-event.ts";

const GROUP = "rbac.authorization.k8s.io";
const NAME = "system:serviceaccount:monitoring:agent";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (...resources: readonly string[]): Rule => ({ apiGroups: [""], resources, verbs: ["get", "list"] });
const role = (rules: readonly Rule[], name = "agent") => ({
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRole",
  metadata: { name },
  rules,
});
const bind = (name: string, subjects: readonly object[]) => ({
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: GROUP, kind: "ClusterRole", name },
  subjects,
});
const agent = { kind: "ServiceAccount", name: "agent", namespace: "monitoring" };
const node = (name: string, kubeletVersion: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  status: { nodeInfo: { kubeletVersion } },
});

function inputOf(objects: readonly unknown[]): AuditInput {
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
  for (const value of objects) builder.add({ value, origin: { file: "f.yaml", line: 1 } });
  return builder.finish();
}

function report(input: AuditInput, usage?: Usage): KubeletAccessReport {
  return auditKubelets(input, {
    generatedAt: "",
    source: "",
    assumedKubelet: "1.36",
    ...(usage !== undefined && { usage }),
  });
}

function remediation(objects: readonly unknown[], usage?: Usage, subject = NAME): Remediation {
  const found = report(inputOf(objects), usage).subjects.find(({ name }) => name === subject)?.remediation;
  if (found === undefined) throw new Error(`nothing to do about ${subject}`);
  return found;
}

function usageOf(...events: readonly Partial<Extract<UsageEvent, { readonly user: string }>>[]): Usage {
  const collector = createUsageCollector();
  for (const event of events) {
    collector.add({
      type: "kubelet",
      user: NAME,
      groups: [],
      node: "node-1",
      verb: "get",
      subresource: "metrics",
      allowed: true,
      at: "2026-01-01T00:00:00Z",
      time: 0,
      ...event,
    } as UsageEvent);
  }
  return collector.finish();
}

describe("what to do about nodes/proxy", () => {
  it.each([
    ["newrelic-logging", ["nodes/pods"]],
    ["newrelic-infrastructure", ["nodes/pods", "nodes/stats", "nodes/metrics", "nodes/healthz"]],
    ["node-feature-discovery-gc", []],
    ["node-feature-discovery-topology-updater", ["nodes/configz"]],
  ])("tells programs of one chart apart: %s", (name, resources) => {
    const { verdict, clusterRole } = remediation([role([rule("nodes/proxy")], name), bind(name, [agent])]);
    expect(verdict).toBe("replaceable");
    expect((clusterRole?.rules ?? []).flatMap((one) => one.resources ?? [])).toEqual(
      expect.arrayContaining([...resources]),
    );
    expect(clusterRole?.rules?.[0]?.resources ?? []).toHaveLength(resources.length);
  });

  it("has patches that take commands away and leave what the logs show", () => {
    const rules = [
      rule("nodes/proxy"),
      rule("pods", "nodes/proxy", "services"),
      rule("endpoints"),
      rule("nodes/proxy"),
    ];
    const usage = usageOf({ subresource: "metrics" }, { subresource: "pods" });
    const found = remediation([role(rules), bind("agent", [agent])], usage);
    expect(found).toMatchObject({ verdict: "replaceable", basis: "audit-log" });
    const [patch] = found.patches;
    const patched = jsonPatch.applyPatch(
      structuredClone(role(rules)),
      structuredClone(patch?.operations ?? []) as Parameters<typeof jsonPatch.applyPatch>[1],
      true,
    ).newDocument;
    expect(patched.rules).toEqual([
      rule("pods", "services"),
      rule("endpoints"),
      { apiGroups: [""], resources: ["nodes/metrics", "nodes/pods"], verbs: ["get"] },
    ]);
    const [after] = report(inputOf([patched, bind("agent", [agent])])).subjects;
    expect(after?.runCommands).toBeUndefined();
    expect(after?.actions.map(({ action }) => action)).toEqual(["pods", "metrics"]);
  });

  it("has patches that fail where the role has changed since", () => {
    const found = remediation([role([rule("nodes/proxy")]), bind("agent", [agent])], usageOf({}));
    const changed = role([rule("secrets"), rule("nodes/proxy")]);
    const operations = structuredClone(found.patches[0]?.operations ?? []) as Parameters<
      typeof jsonPatch.applyPatch
    >[1];
    expect(() => jsonPatch.applyPatch(changed, operations, true)).toThrow();
  });

  it("puts what is needed into one of several roles, and says who else holds them", () => {
    const found = remediation(
      [
        role([rule("nodes/proxy")], "one"),
        role([rule("nodes/proxy")], "two"),
        bind("one", [agent]),
        bind("two", [agent, { kind: "User", name: "jane" }]),
      ],
      usageOf({}),
    );
    expect(found.patches.map(({ operations }) => operations.map(({ op }) => op))).toEqual([
      ["test", "remove", "add"],
      ["test", "remove"],
    ]);
    expect(found.remarks).toContain("ClusterRole two is held by jane as well: patching it changes their rights too");
  });

  it("leaves wildcards to people", () => {
    const found = remediation([role([rule("*")]), bind("agent", [agent])], usageOf({}));
    expect(found.patches).toEqual([]);
    expect(found.clusterRole?.rules).toEqual([{ apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] }]);
    expect(found.remarks.join()).toContain('gives it by the resource "*"');
  });

  it("keeps nodes/proxy, by name, on kubelets that know no better", () => {
    const found = remediation(
      [
        role([rule("nodes/proxy")]),
        bind("agent", [agent]),
        node("old-b", "v1.32.1"),
        node("old-a", "v1.31.9"),
        node("new", "v1.37.0"),
      ],
      usageOf({ subresource: "pods" }),
    );
    expect(found.clusterRole?.rules).toEqual([
      { apiGroups: [""], resources: ["nodes/pods"], verbs: ["get"] },
      { apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"], resourceNames: ["old-a", "old-b"] },
    ]);
    expect(found.remarks.join()).toContain("2 nodes run kubelets before 1.33");
  });
});

describe("verdicts", () => {
  const holder = [role([rule("nodes/proxy")]), bind("agent", [agent])];

  it("needs-proxy where it was asked for by itself, or commands ran through the API server", () => {
    expect(remediation(holder, usageOf({ subresource: "proxy" })).verdict).toBe("needs-proxy");
    const connect = { type: "api-server", path: "/exec/a/b/c", id: "", begins: false } as const;
    expect(remediation(holder, usageOf(connect)).verdict).toBe("needs-proxy");
  });

  it("unknown where only old kubelets asked for it, as they ask for nothing else", () => {
    const old = [...holder, node("node-1", "v1.31.0"), node("node-2", "v1.36.0")];
    expect(remediation(old, usageOf({ subresource: "proxy" })).verdict).toBe("unknown");
    expect(remediation(old, usageOf({ subresource: "proxy", node: "node-2" })).verdict).toBe("needs-proxy");
  });

  it("unused where logs that could show it do not", () => {
    const found = remediation(holder, usageOf({ user: "somebody else" }));
    expect(found).toMatchObject({ verdict: "unused", basis: "audit-log" });
    expect(found.clusterRole).toBeUndefined();
    expect(found.patches).toHaveLength(1);
  });

  it("unknown where the logs could not show it", () => {
    const collector = createUsageCollector();
    collector.add({ type: "no-body", at: "2026-01-01T00:00:00Z" });
    const found = remediation(holder, collector.finish());
    expect(found).toMatchObject({ verdict: "unknown", basis: "none", patches: [] });
    expect(found.remarks.join()).toContain("can not tell whether it is used");
  });

  it("unknown where the logs show only what went through the API server", () => {
    const through = { type: "api-server", path: "/configz", id: "", begins: false } as const;
    const found = remediation(holder, usageOf(through));
    expect(found).toMatchObject({ verdict: "unknown", patches: [] });
    expect(found.remarks.join()).toContain("can not be seen");
    expect(remediation(holder, usageOf(through, { user: "else" }))).toMatchObject({
      verdict: "replaceable",
      clusterRole: { rules: [{ resources: ["nodes/configz"] }] },
    });
  });

  it("counts what members did as use by their group", () => {
    const group = [role([rule("nodes/proxy")]), bind("agent", [{ kind: "Group", name: "monitors" }])];
    const byMember = usageOf({ user: "jane", groups: ["monitors", "system:authenticated"], subresource: "stats" });
    expect(remediation(group, byMember, "monitors")).toMatchObject({
      verdict: "replaceable",
      clusterRole: { rules: [{ resources: ["nodes/stats"] }] },
    });
    expect(remediation(group, usageOf({ user: "jane", groups: ["others"] }), "monitors").verdict).toBe("unused");
  });

  it("names narrow rights nobody uses, also of those without nodes/proxy", () => {
    const narrow = [role([rule("nodes/metrics", "nodes/stats", "nodes/pods")]), bind("agent", [agent])];
    expect(remediation(narrow, usageOf({ subresource: "metrics" })).unused).toEqual(["nodes/pods", "nodes/stats"]);
    const old = [...narrow, node("node-1", "v1.31.0")];
    expect(remediation(old, usageOf({ subresource: "metrics" })).unused).toEqual(["nodes/stats"]);
  });

  it("rest on public knowledge where there are no logs, and say so", () => {
    const chart = [role([rule("nodes/proxy")], "fluent-bit"), bind("fluent-bit", [{ ...agent, name: "fluent-bit" }])];
    expect(remediation(chart, undefined, "system:serviceaccount:monitoring:fluent-bit")).toMatchObject({
      verdict: "replaceable",
      basis: "known-component",
      clusterRole: { rules: [{ resources: ["nodes/pods"], verbs: ["get"] }] },
    });
    expect(remediation(holder)).toMatchObject({ verdict: "unknown", basis: "none", patches: [] });
  });

  it("do not promise a replacement to components that ask through the API server", () => {
    const chart = [role([rule("nodes/proxy")], "trivy-operator"), bind("trivy-operator", [agent])];
    expect(remediation(chart)).toMatchObject({ verdict: "needs-proxy", patches: [] });
  });
});

describe("scrapes through the API server", () => {
  const relabel = { target_label: "__metrics_path__", replacement: "/api/v1/nodes/$1/proxy/metrics/cadvisor" };
  const holder = { kind: "ConfigMap", namespace: "monitoring", name: "scrape", key: "prometheus.yml" };
  const scrapes = scrapesThroughApiServer([{ job_name: "cadvisor", relabel_configs: [relabel] }], holder).map(
    (object) => ({ object, origin: { file: "f.yaml", line: 9 } }),
  );
  const workload = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "server", namespace: "monitoring" },
    spec: {
      template: {
        spec: { serviceAccountName: "agent", volumes: [{ name: "v", configMap: { name: "scrape" } }] },
      },
    },
  };

  it("are predicted to break, with the job that does not", () => {
    const input = inputOf([role([rule("nodes/proxy")]), bind("agent", [agent]), workload]);
    const found = report({ ...input, scrapes }).subjects[0]?.remediation;
    expect(found).toMatchObject({
      verdict: "replaceable",
      basis: "scrape-configuration",
      clusterRole: { rules: [{ resources: ["nodes/metrics"] }] },
      scrapes: [{ direct: { scheme: "https", metrics_path: "/metrics/cadvisor" } }],
    });
    expect(found?.breaks.join()).toContain("it will get 403 until it asks the kubelets directly");
  });

  it("are named where they fail already", () => {
    const input = inputOf([role([rule("nodes/metrics")]), bind("agent", [agent]), workload]);
    expect(report({ ...input, scrapes }).problems).toMatchObject([
      { severity: "warning", message: expect.stringContaining(`${NAME} may not use nodes/proxy: it gets 403`) },
    ]);
  });
});
