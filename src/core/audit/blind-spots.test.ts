import { describe, expect, it } from "vitest";
import { loadCorpus } from "../../../test/audit/corpus.ts";
import type { AuditInput } from "./input.ts";
import { grantsCommands } from "./nodes-proxy-policy.ts";
import { auditKubelets } from "./audit.ts";
import type { KubeletAccessReport } from "./report.ts";
import { exceeds } from "./threshold.ts";

function reportOn(input: AuditInput, assumedKubelet = "1.36"): KubeletAccessReport {
  return auditKubelets(input, { generatedAt: "2026-01-01T00:00:00Z", source: "corpus", assumedKubelet });
}

function outcomeOf(report: KubeletAccessReport, subject: string): string {
  const found = report.subjects.find(({ name }) => name === subject);
  if (found?.runCommands !== undefined) return "runs-commands";
  return (found?.indirect.length ?? 0) > 0 ? "indirect" : "nothing";
}

describe("blind spots of other detectors", () => {
  it("answers every row right", async () => {
    const { input, expected } = await loadCorpus();
    const report = reportOn(input);
    expect(expected.size).toBeGreaterThan(50);
    for (const [row, outcome] of expected) {
      expect(outcomeOf(report, `system:serviceaccount:corpus:${row}`), row).toBe(outcome);
    }
  });

  it.each([
    ["system:serviceaccount:corpus:role-binding", "nothing"],
    ["token-maker", "indirect"],
    ["harmless-token-maker", "nothing"],
    ["system:serviceaccount:corpus:pod-maker", "indirect"],
    ["system:serviceaccount:elsewhere:harmless-pod-maker", "nothing"],
    ["two-steps-away", "indirect"],
    ["changes-own-role", "indirect"],
    ["binds-in-corpus", "indirect"],
    ["binds-elsewhere", "nothing"],
  ])("knows what bindings in a namespace lead to: %s", async (subject, outcome) => {
    const { input } = await loadCorpus();
    expect(outcomeOf(reportOn(input), subject)).toBe(outcome);
  });

  it("shows the whole chain of a detour", async () => {
    const { input } = await loadCorpus();
    const found = reportOn(input).subjects.find(({ name }) => name === "two-steps-away");
    expect(found?.indirect[0]?.map(({ method, target }) => [method, target])).toEqual([
      ["impersonate", "system:serviceaccount:corpus:pod-maker"],
      ["create-pod", "system:serviceaccount:corpus:proxy-get"],
    ]);
  });

  it.each([
    ["escalate", "escalate"],
    ["bind-any", "bind"],
    ["bind-in-namespaces", "bind-in-namespace"],
    ["impersonate-masters", "impersonate"],
    ["impersonate-node", "impersonate-node"],
    ["constrained", "impersonate"],
    ["change-pods", "change-pod"],
    ["change-workloads", "change-workload"],
    ["create-jobs", "create-workload"],
    ["exec-pods", "exec-into-pod"],
    ["ephemeral-containers", "exec-into-pod"],
    ["make-token-secrets", "create-token-secret"],
    ["read-token-secrets", "read-token-secret"],
    ["approve-clients", "approve-certificate"],
    ["become-node", "node-certificate"],
    ["named-pods-by-apply", "create-pod"],
    ["named-binding-by-update", "bind"],
    ["bind-after-change", "bind"],
    ["bind-after-making-roles", "bind-in-namespace"],
    ["bind-roles-there-are", "bind-in-namespace"],
  ])("says how %s gets there", async (row, method) => {
    const { input } = await loadCorpus();
    const found = reportOn(input).subjects.find(({ name }) => name === `system:serviceaccount:corpus:${row}`);
    expect(found?.indirect.map(([first]) => first?.method)).toContain(method);
  });

  it("knows what the API server of each version lets through", async () => {
    const { input } = await loadCorpus();
    const on = (version: string, row: string): string =>
      outcomeOf(reportOn({ ...input, apiServerVersion: version }), `system:serviceaccount:corpus:${row}`);
    // A WebSocket to pods/exec began with get alone.
    expect(["v1.34.3", "v1.35.0"].map((version) => on(version, "get-exec-pods"))).toEqual(["indirect", "nothing"]);
    expect(["v1.35.0", "v1.36.0"].map((version) => on(version, "constrained"))).toEqual(["nothing", "indirect"]);
  });

  it("asks of a change to a pod that one runs as a holder, and of a token nothing", async () => {
    const { input } = await loadCorpus();
    const idle = reportOn({ ...input, workloads: [] });
    expect(outcomeOf(idle, "system:serviceaccount:corpus:exec-pods")).toBe("nothing");
    expect(outcomeOf(idle, "system:serviceaccount:corpus:become-node")).toBe("nothing");
    expect(outcomeOf(idle, "system:serviceaccount:corpus:make-token-secrets")).toBe("indirect");
  });

  it("knows that nobody gets a certificate for system:masters", async () => {
    const { input } = await loadCorpus();
    const only = (name: string): string =>
      outcomeOf(
        reportOn({
          ...input,
          roleBindings: [],
          clusterRoleBindings: input.clusterRoleBindings.filter(({ object }) => object.metadata?.name === name),
        }),
        `system:serviceaccount:corpus:${name}`,
      );
    expect(["impersonate-masters", "approve-clients"].map(only)).toEqual(["indirect", "nothing"]);
  });

  it("points at the line of the rule, also of an aggregated one", async () => {
    const { input } = await loadCorpus();
    const subjects = reportOn(input).subjects;
    const lineOf = (name: string): number | undefined =>
      subjects.find((subject) => subject.name === `system:serviceaccount:corpus:${name}`)?.grants[0]?.rule.origin.line;
    expect(lineOf("proxy-get")).toBe(7);
    expect(lineOf("aggregated")).toBe(140);
  });

  it("takes get as enough only where the kubelet does", async () => {
    const { input } = await loadCorpus();
    const onOrlop = reportOn({
      ...input,
      apiServerVersion: "v1.36.0+orlop.1",
      nodes: [{ name: "node-1", kubeletVersion: "v1.36.0+orlop.1" }],
    });
    expect(outcomeOf(onOrlop, "system:serviceaccount:corpus:proxy-get")).not.toBe("runs-commands");
    expect(outcomeOf(onOrlop, "system:serviceaccount:corpus:proxy-create")).toBe("runs-commands");
  });

  it("opens pods, healthz and configz by fine-grained rules from 1.33 on only", async () => {
    const { input } = await loadCorpus();
    const may = (version: string): readonly string[] =>
      reportOn(input, version)
        .subjects.find(({ name }) => name === "system:serviceaccount:corpus:fine-grained")
        ?.actions.map(({ action }) => action) ?? [];
    expect(may("1.33")).toEqual(expect.arrayContaining(["pods", "healthz", "configz", "metrics", "stats", "logs"]));
    expect(may("1.32")).not.toEqual(expect.arrayContaining(["pods"]));
    expect(may("1.31")).toEqual(["logs", "metrics", "stats"]);
  });

  it("names permissions that grant nothing, and what was meant", async () => {
    const { input } = await loadCorpus();
    const phantoms = reportOn(input).remarks.filter(({ type }) => type === "phantom");
    expect(phantoms.map(({ subject, suggestion }) => [subject, suggestion])).toEqual([
      ["nodes/proxy/", "nodes/proxy"],
      ["node/proxy", "nodes/proxy"],
      ["nodes/proxy/metrics", "nodes/metrics"],
      ["nodes/stats/summary", "nodes/stats"],
      ["pods/*", undefined],
      ["nodes/exec", "nodes/proxy"],
      ["nodes/helathz", "nodes/healthz"],
      ["nodes/logs", "nodes/log"],
      ["pods/logs", "pods/log"],
      ["Nodes/Proxy", "nodes/proxy"],
    ]);
  });

  it("calls roles harmless that name URLs only, and not those without a rule that could be read", async () => {
    const { input } = await loadCorpus();
    const urlsOnly = reportOn(input).remarks.filter(({ code }) => code === "non-resource-urls-only");
    expect(urlsOnly.map(({ object }) => object)).toEqual(["ClusterRole urls-only"]);
  });

  it("decides in the admission policy as in the audit, but for aggregation, which is not in the role", async () => {
    const { roles } = await loadCorpus();
    for (const role of roles) {
      if ((role.aggregationRule?.clusterRoleSelectors ?? []).length > 0) continue;
      const expected = role.metadata?.annotations?.["expect"] === "runs-commands";
      expect(grantsCommands(role), role.metadata?.name).toBe(expected);
    }
  });

  it("fails by default on those who run commands, and on detours when asked to", async () => {
    const { input } = await loadCorpus();
    const all = reportOn(input);
    expect(exceeds(all, "run-commands")).toBe(true);
    expect(exceeds(all, "never")).toBe(false);
    const detoursOnly = reportOn({
      ...input,
      clusterRoleBindings: input.clusterRoleBindings.filter(({ object }) => object.metadata?.name === "bind-any"),
    });
    expect(exceeds(detoursOnly, "run-commands")).toBe(false);
    expect(exceeds(detoursOnly, "indirect")).toBe(true);
  });
});
