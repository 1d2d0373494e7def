import { describe, expect, it } from "vitest";
import { createUsageCollector, type Usage } from "./usage.ts";
import { usageOf } from "./usage-event.ts";

const agent = "system:serviceaccount:monitoring:agent";

function review(subresource: string, seconds: number, allowed = true, node = "node-1"): unknown {
  return {
    stage: "ResponseComplete",
    verb: "create",
    user: { username: `system:node:${node}` },
    objectRef: { resource: "subjectaccessreviews" },
    requestObject: {
      spec: { user: agent, resourceAttributes: { verb: "get", resource: "nodes", subresource, name: node } },
    },
    responseObject: { status: { allowed } },
    requestReceivedTimestamp: new Date(1_760_000_000_000 + seconds * 1000).toISOString(),
  };
}

function proxied(path: string, more: object = {}): unknown {
  return {
    stage: "ResponseComplete",
    verb: "get",
    user: { username: agent },
    objectRef: { resource: "nodes", subresource: "proxy", name: "https:node-1:10250" },
    requestURI: `/api/v1/nodes/https:node-1:10250/proxy${path}`,
    responseStatus: { code: 200 },
    requestReceivedTimestamp: "2026-01-01T00:00:00Z",
    ...more,
  };
}

function usage(events: readonly unknown[], maximumEntries?: number): Usage {
  const collector = createUsageCollector(maximumEntries === undefined ? {} : { maximumEntries });
  for (const value of events) {
    const event = usageOf(value);
    if (event !== undefined) collector.add(event);
  }
  return collector.finish();
}

describe("use of kubelets out of audit logs", () => {
  it("takes nodes/proxy asked right after a refused narrower question for its fallback", () => {
    const { lines } = usage([review("pods", 0, false), review("proxy", 0), review("proxy", 20)]);
    expect(lines.find(({ subresource }) => subresource === "proxy")).toMatchObject({ count: 2, withoutFineGrained: 0 });
  });

  it("takes nodes/proxy asked by itself for something that has no narrower rule", () => {
    const { lines } = usage([review("proxy", 0), review("pods", 100, false), review("proxy", 200)]);
    expect(lines.find(({ subresource }) => subresource === "proxy")).toMatchObject({ withoutFineGrained: 2 });
  });

  it.each(["/%65xec/ns/pod/c", "//exec/ns/pod/c", "/exec%2Fns/pod/c", "%2Fexec/ns/pod/c"])(
    "sees commands through the API server however the path is written: %s",
    (path) => {
      expect(usage([proxied(path)]).lines).toMatchObject([{ path: "/exec", connects: true }]);
    },
  );

  it("sees the node's proxy in paths that do not spell it out", () => {
    const requestURI = "/api/v1/%6eodes/node-1/%70roxy/run/ns/pod/c";
    expect(usage([proxied("", { requestURI })]).lines).toMatchObject([{ path: "/run", connects: true }]);
  });

  it("sees commands through the API server, under the name of who was impersonated", () => {
    const { lines } = usage([
      proxied("/exec/ns/pod/c?command=id"),
      proxied("/metrics/cadvisor?x=/exec/", { impersonatedUser: { username: "jane" } }),
    ]);
    expect(lines).toMatchObject([
      { user: "jane", through: "api-server", subresource: "metrics", path: "/metrics/cadvisor", connects: false },
      { user: agent, path: "/exec", connects: true, nodes: ["node-1"] },
    ]);
  });

  it("counts reviews that were logged without their content, and says nothing about other events", () => {
    const bare = { ...(review("pods", 0) as object), requestObject: undefined };
    const found = usage([
      bare,
      { stage: "ResponseComplete", verb: "get", objectRef: { resource: "pods" } },
      "text",
      null,
    ]);
    expect(found).toMatchObject({ reviewsWithoutBody: 1, events: 1, lines: [] });
  });

  it("takes for use only what kubelets asked", () => {
    const asked = review("proxy", 0) as { readonly user: object };
    const byTool = { ...asked, user: { username: "kubectl", groups: ["system:authenticated"] } };
    const byOtherName = { ...asked, user: { username: "kube-node", groups: ["system:nodes"] } };
    expect(usage([byTool])).toMatchObject({ lines: [], reviews: 0, reviewsByOthers: 1 });
    expect(usage([byOtherName])).toMatchObject({ lines: [{ user: agent }], reviews: 1, reviewsByOthers: 0 });
  });

  it("sees a session that has not ended, and counts it once when it has", () => {
    const begins = proxied("/exec/ns/pod/c", { auditID: "1", stage: "ResponseStarted" });
    const ends = proxied("/exec/ns/pod/c", { auditID: "1", stage: "ResponseComplete" });
    expect(usage([begins]).lines).toMatchObject([{ count: 1, connects: true }]);
    expect(usage([begins, ends]).lines).toMatchObject([{ count: 1 }]);
    expect(usage([ends]).lines).toMatchObject([{ count: 1 }]);
    expect(usage([proxied("/metrics", { stage: "RequestReceived" })]).lines).toEqual([]);
  });

  it("reads the trail of Orlop's kubelets: the narrowest right that would have done", () => {
    const trail = (requestURI: string, decision = "allow", username = agent): unknown => ({
      stage: "ResponseComplete",
      requestURI,
      verb: "get",
      user: { username },
      objectRef: { resource: "nodes", name: "node-1", subresource: "proxy" },
      requestReceivedTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "kubelet.orlop.dev/method": "GET", "authorization.k8s.io/decision": decision },
    });
    const found = usage([
      trail("/pods"),
      trail("/exec/a/b/c?command=id"),
      trail("/pods/", "forbid"),
      trail("/x", "forbid", ""),
    ]);
    expect(found.reviews).toBe(3);
    expect(found.lines).toMatchObject([
      { user: agent, subresource: "pods", count: 2, denied: 1, nodes: ["node-1"] },
      { subresource: "proxy", withoutFineGrainedOn: ["node-1"] },
    ]);
  });

  it("keeps the groups of callers, but not those everybody is in", () => {
    const asked = review("metrics", 0) as { readonly requestObject: { readonly spec: object } };
    const spec = {
      ...asked.requestObject.spec,
      groups: ["monitors", "system:serviceaccounts", "system:authenticated"],
    };
    expect(usage([{ ...asked, requestObject: { spec } }]).lines).toMatchObject([{ groups: ["monitors"] }]);
  });

  it("keeps counting when there are more nodes than it keeps apart", () => {
    const { lines, collapsed } = usage(
      Array.from({ length: 20 }, (_, index) => review("metrics", index, true, `node-${index}`)),
      5,
    );
    expect(lines).toMatchObject([{ count: 20, moreNodes: true }]);
    expect(lines[0]?.nodes).toHaveLength(5);
    expect(collapsed).toBe(15);
  });
});
