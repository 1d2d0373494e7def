import { describe, expect, it } from "vitest";
import type { PolicyRule } from "../../api/types.ts";
import { coverage, describeRule } from "./rule-coverage.ts";

/** "verbs groups resources[#names]", lists by comma, "core" for the core group; or "verbs /url". */
function rule(text: string): PolicyRule {
  const [verbs = "", groups = "", target = ""] = text.split(" ");
  if (groups.startsWith("/") || groups === "*url") {
    return { verbs: verbs.split(","), nonResourceURLs: groups.replace("*url", "*").split(",") };
  }
  const [resources = "", names] = target.split("#");
  return {
    verbs: verbs.split(","),
    apiGroups: groups.split(",").map((group) => (group === "core" ? "" : group)),
    resources: resources.split(","),
    ...(names !== undefined && { resourceNames: names.split(",") }),
  };
}

describe("coverage", () => {
  it.each([
    { owned: ["* * *"], wanted: ["get,list core pods", "* * *", "get core x#y"], covered: true },
    { owned: ["get core pods", "list core pods"], wanted: ["get,list core pods"], covered: true },
    { owned: ["get core pods"], wanted: ["get,list core pods"], covered: false },
    { owned: ["get,list,watch core pods"], wanted: ["* core pods"], covered: false },
    { owned: ["get core,apps pods"], wanted: ["get * pods"], covered: false },
    { owned: ["get core pods"], wanted: ["get core pods#a"], covered: true },
    { owned: ["get core pods#a,b"], wanted: ["get core pods#b"], covered: true },
    { owned: ["get core pods#a,b"], wanted: ["get core pods"], covered: false },
    { owned: ["get core */scale"], wanted: ["get core pods/scale"], covered: true },
    { owned: ["get core pods/scale"], wanted: ["get core */scale"], covered: false },
    { owned: ["get core pods"], wanted: ["get core pods/status"], covered: false },
    { owned: ["get core nodes/*"], wanted: ["get core nodes/metrics"], covered: false },
    { owned: ["get /a/*"], wanted: ["get /a/b", "get /a/b/*"], covered: true },
    { owned: ["get /a/*"], wanted: ["get /a"], covered: false },
    { owned: ["get *url"], wanted: ["get /a/b"], covered: true },
    { owned: ["* * *"], wanted: ["get /a"], covered: false },
    { owned: [], wanted: [], covered: true },
  ])("$owned over $wanted is $covered", ({ owned, wanted, covered }) => {
    expect(coverage(owned.map(rule), wanted.map(rule)).type).toBe(covered ? "covered" : "missing");
  });

  it("does not take URLs from a rule that is restricted to names", () => {
    const mixed = { ...rule("get core pods#a"), nonResourceURLs: ["/a"] };
    expect(coverage([mixed], [rule("get /a")]).type).toBe("missing");
  });

  it("joins what is missing per resource", () => {
    const missing = coverage([rule("get core pods")], [rule("get,list,watch core pods,nodes"), rule("get,put /a")]);
    expect(missing.type === "missing" && missing.rules.map(describeRule)).toEqual([
      '{NonResourceURLs:["/a"], Verbs:["get"]}',
      '{NonResourceURLs:["/a"], Verbs:["put"]}',
      '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
      '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list" "watch"]}',
    ]);
  });

  it("gives up on rules that multiply into too many", () => {
    const many = Array.from({ length: 1000 }, (_, index) => `x${index}`);
    expect(coverage([], [{ verbs: many, apiGroups: many, resources: many }])).toEqual({
      type: "too-large",
      atoms: 1_000_000_000,
    });
  });
});
