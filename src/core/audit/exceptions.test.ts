import { describe, expect, it } from "vitest";
import { accept, exceptionsOfBaseline, readExceptions } from "./exceptions.ts";
import { createAuditInput } from "./input-builder.ts";
import { auditKubelets } from "./audit.ts";
import type { KubeletAccessReport } from "./report.ts";
import { exceeds } from "./threshold.ts";

const now = Date.parse("2026-06-01");

function report(
  verbs: readonly string[],
  subjects: readonly object[] = [{ kind: "ServiceAccount", name: "agent", namespace: "monitoring" }],
  resourceNames?: readonly string[],
): KubeletAccessReport {
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const values = [
    {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name: "r" },
      rules: [{ apiGroups: [""], resources: ["nodes/proxy"], verbs, ...(resourceNames && { resourceNames }) }],
    },
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name: "b" },
      roleRef: { kind: "ClusterRole", name: subjects.length === 0 ? "another" : "r" },
      subjects,
    },
  ];
  for (const value of values) builder.add({ value, origin: { file: "f.yaml", line: 1 } });
  return auditKubelets(builder.finish(), { generatedAt: "", source: "", assumedKubelet: "1.36" });
}

describe("accepted findings", () => {
  const subject = "system:serviceaccount:monitoring:agent";

  it("do not fail the audit until they expire", () => {
    const until = (expires: string): KubeletAccessReport =>
      accept(report(["get"]), [{ subject, reason: "r", expires }], [], now);
    expect(exceeds(until("2026-07-01"), "run-commands")).toBe(false);
    expect(exceeds(until("2026-05-01"), "run-commands")).toBe(true);
    expect(until("2026-05-01").problems.map(({ message }) => message)).toEqual([
      `the exception for ${subject} ("r") expired on 2026-05-01`,
    ]);
    expect(until("2026-07-01").summary).toMatchObject({ canRunCommands: 0, accepted: 1 });
  });

  it("come from a baseline as long as they do not grow", () => {
    const baseline = exceptionsOfBaseline(JSON.parse(JSON.stringify(report(["get"]))));
    if (!baseline.ok) throw new Error(baseline.reason);
    expect(exceeds(accept(report(["get"]), [], baseline.value, now), "run-commands")).toBe(false);
    expect(exceeds(accept(report(["get", "create"]), [], baseline.value, now), "run-commands")).toBe(true);
  });

  it.each([
    [undefined, ["n1"], false],
    [["n1", "n2"], ["n2"], false],
    [["n1"], ["n1", "n2"], true],
    [["all"], undefined, true],
  ])("were on nodes %j and are on %j: have they grown? %j", (then, since, grown) => {
    const baseline = exceptionsOfBaseline(JSON.parse(JSON.stringify(report(["get"], undefined, then))));
    if (!baseline.ok) throw new Error(baseline.reason);
    const found = accept(report(["get"], undefined, since), [], baseline.value, now);
    expect(exceeds(found, "run-commands")).toBe(grown);
  });

  it("may be roles nobody is bound to", () => {
    const unbound = report(["get"], []);
    expect(exceeds(unbound, "unbound")).toBe(true);
    expect(exceeds(accept(unbound, [{ subject: "ClusterRole r", reason: "r" }], [], now), "unbound")).toBe(false);
    const baseline = exceptionsOfBaseline(JSON.parse(JSON.stringify(unbound)));
    if (!baseline.ok) throw new Error(baseline.reason);
    expect(exceeds(accept(unbound, [], baseline.value, now), "unbound")).toBe(false);
  });

  it.each([
    [{}, 'has no list "exceptions"'],
    [{ exceptions: [{ subject: "a" }] }, "exceptions[0].reason is missing: say why"],
    [
      { exceptions: [{ subject: "a", reason: "b", expires: "soon" }] },
      "exceptions[0].expires is not a date such as 2027-01-31",
    ],
  ])("are refused when %j", (value, reason) => {
    expect(readExceptions(value)).toEqual({ ok: false, reason });
  });
});
