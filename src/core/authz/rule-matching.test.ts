import { describe, expect, it } from "vitest";
import type { PolicyRule } from "../../api/types.ts";
import type { Attributes } from "./attributes.ts";
import { ruleAllows } from "./rule-matching.ts";

const user = { name: "jane", groups: [], extra: {} };

/** "get apps deployments/scale#web" or "get /healthz". */
function request(text: string): Attributes {
  const [verb = "", group = "", what = ""] = text.split(" ");
  if (group.startsWith("/")) return { type: "non-resource", user, verb, path: group };
  const [target = "", name = ""] = what.split("#");
  const [resource = "", subresource = ""] = target.split("/");
  return {
    type: "resource",
    user,
    verb,
    group: group === "core" ? "" : group,
    version: "v1",
    resource,
    subresource,
    namespace: "",
    name,
  };
}

const nodes = (resources: string[], verbs = ["get"]): PolicyRule => ({ apiGroups: [""], resources, verbs });

describe("ruleAllows", () => {
  it.each<{ readonly rule: PolicyRule; readonly yes: readonly string[]; readonly no: readonly string[] }>([
    {
      rule: { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list"] },
      yes: ["get apps deployments", "list apps deployments#web"],
      no: ["watch apps deployments", "get core deployments", "get apps replicasets", "get apps deployments/scale"],
    },
    {
      rule: { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      yes: ["get core pods", "any apps x/y#z", " core nodes/proxy"],
      no: ["get /healthz"],
    },
    {
      rule: { apiGroups: [""], resources: ["*/scale"], verbs: ["*"] },
      yes: ["get core pods/scale", "get core anything/scale"],
      no: ["get core pods", "get core pods/status", "get core pods/upscale"],
    },
    {
      rule: nodes(["nodes/*"]),
      yes: [],
      no: ["get core nodes", "get core nodes/metrics", "get core nodes/proxy"],
    },
    { rule: nodes(["*/*"]), yes: [], no: ["get core nodes/metrics", "get core nodes"] },
    { rule: nodes(["nodes"]), yes: ["get core nodes"], no: ["get core nodes/metrics"] },
    {
      rule: { apiGroups: [""], resources: ["nodes/metrics"], resourceNames: ["n1"], verbs: ["get"] },
      yes: ["get core nodes/metrics#n1"],
      no: ["get core nodes/metrics#n2", "get core nodes/metrics"],
    },
    {
      rule: { apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get", "create", ""] },
      yes: ["get core nodes/proxy"],
      no: [" core nodes/proxy"],
    },
    {
      rule: { nonResourceURLs: ["/foo/*", "/bar"], verbs: ["get"] },
      yes: ["get /foo/x", "get /foo/x/y", "get /foo/", "get /bar"],
      no: ["get /foo", "get /bar/", "get /bar/x", "post /bar", "get core pods"],
    },
    { rule: { nonResourceURLs: ["*"], verbs: ["*"] }, yes: ["get /", "put /a/b"], no: ["get core pods"] },
    { rule: { nonResourceURLs: ["/a*b"], verbs: ["get"] }, yes: ["get /a*b"], no: ["get /axb", "get /a"] },
  ])("$rule", ({ rule, yes, no }) => {
    for (const text of yes) expect(ruleAllows(rule, request(text)), text).toBe(true);
    for (const text of no) expect(ruleAllows(rule, request(text)), text).toBe(false);
  });
});
