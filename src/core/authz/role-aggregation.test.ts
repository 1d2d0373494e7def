import { describe, expect, it } from "vitest";
import type { ClusterRole } from "../../api/types.ts";
import { aggregatedRules, sameRules } from "./role-aggregation.ts";

const rule = (resource: string) => ({ verbs: ["get"], apiGroups: [""], resources: [resource] });
const labelled = (name: string, labels: Record<string, string>, ...resources: string[]): ClusterRole => ({
  metadata: { name, labels },
  rules: resources.map(rule),
});

describe("aggregatedRules", () => {
  const all = [
    labelled("z", { view: "true" }, "zebras", "apes"),
    labelled("a", { view: "true" }, "apes"),
    labelled("e", { edit: "true" }, "eels"),
  ];

  it("joins by selector, then by name, without repetitions and without itself", () => {
    const role: ClusterRole = {
      metadata: { name: "sum", labels: { view: "true" } },
      rules: [rule("old")],
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { edit: "true" } }, { matchLabels: { view: "true" } }] },
    };
    expect(aggregatedRules(role, [...all, role])).toEqual([rule("eels"), rule("apes"), rule("zebras")]);
  });

  it("understands expressions and leaves plain roles alone", () => {
    const with_ = (operator: string, values?: string[]): ClusterRole => ({
      metadata: { name: "sum" },
      aggregationRule: {
        clusterRoleSelectors: [{ matchExpressions: [{ key: "view", operator, ...(values && { values }) }] }],
      },
    });
    expect(aggregatedRules(with_("Exists"), all)).toEqual([rule("apes"), rule("zebras")]);
    expect(aggregatedRules(with_("DoesNotExist"), all)).toEqual([rule("eels")]);
    expect(aggregatedRules(with_("In", ["true"]), all)).toHaveLength(2);
    expect(aggregatedRules(with_("NotIn", ["true"]), all)).toEqual([rule("eels")]);
    expect(aggregatedRules({ metadata: { name: "x" } }, all)).toBeUndefined();
  });

  it("compares rules with absent and empty lists alike, in order", () => {
    expect(sameRules([{ verbs: ["get"], resources: [] }], [{ verbs: ["get"] }])).toBe(true);
    expect(sameRules([rule("a"), rule("b")], [rule("b"), rule("a")])).toBe(false);
  });
});
