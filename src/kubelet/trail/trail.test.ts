import { describe, expect, it } from "vitest";
import type { HttpRequest } from "../../ports/http.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import type { AuditEvent } from "./audit-event.ts";
import { createTrail } from "./trail.ts";

const USER = { name: "system:serviceaccount:mon:agent", uid: "u", groups: ["system:authenticated"], extra: {} };
const SECRET = "c2VjcmV0LXRva2Vu";

function requestOf(method: string, target: string, more: Partial<HttpRequest> = {}): HttpRequest {
  const [path = "", query = ""] = target.split("?");
  return {
    method,
    target,
    path,
    query: new URLSearchParams(query),
    headers: {},
    httpVersion: "1.1",
    peer: { address: "10.0.0.9", port: 1, certificates: [], encrypted: true },
    signal: new AbortController().signal,
    body: async () => new Uint8Array(),
    ...more,
  };
}

function world(accept: () => boolean = () => true) {
  const events: AuditEvent[] = [];
  const dropped = { count: 0 };
  const trail = createTrail(
    {
      records: {
        append: (line) => {
          if (!accept()) return false;
          events.push(JSON.parse(line) as AuditEvent);
          return true;
        },
      },
      clock: createFakeClock(),
      random: seededRandom(1),
      log: quietLog(),
      onDropped: () => (dropped.count += 1),
    },
    { nodeName: "node-1" },
  );
  return { events, dropped, trail };
}

const granted = (verb: string, fallback = false): AccessVerdict => ({
  access: "granted",
  user: USER,
  verb,
  subresource: "proxy",
  fallback,
  reason: "RBAC: allowed",
});

describe("createTrail()", () => {
  it("says who ran which command where, and what granted it, at the start of a stream and at its end", () => {
    const { events, trail } = world();
    const request = requestOf("GET", "/exec/default/web/main?command=sh&command=-c&command=id&output=1", {
      headers: {
        upgrade: "websocket",
        connection: "Upgrade",
        authorization: `Bearer ${SECRET}`,
        "user-agent": "websocat",
        "sec-websocket-protocol": `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${SECRET}`,
      },
      upgrade: { protocol: "websocket" } as never,
    });
    const entry = trail(request, {
      endpoint: "exec",
      parameters: { namespace: "default", pod: "web", container: "main" },
    });
    entry.decided(granted("create"));
    entry.started(101);
    entry.ended(101);
    expect(events.map(({ stage, responseStatus }) => [stage, responseStatus.code])).toEqual([
      ["ResponseStarted", 101],
      ["ResponseComplete", 101],
    ]);
    expect(new Set(events.map(({ auditID }) => auditID)).size).toBe(1);
    expect(events[0]).toMatchObject({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "Metadata",
      verb: "create",
      user: { username: USER.name, uid: "u", groups: USER.groups },
      sourceIPs: ["10.0.0.9"],
      userAgent: "websocat",
      objectRef: { resource: "nodes", name: "node-1", apiVersion: "v1", subresource: "proxy" },
      requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
    });
    expect(events[0]?.annotations).toEqual({
      "authorization.k8s.io/decision": "allow",
      "authorization.k8s.io/reason": "RBAC: allowed",
      "kubelet.orlop.dev/action": "connect",
      "kubelet.orlop.dev/command": '["sh","-c","id"]',
      "kubelet.orlop.dev/container": "main",
      "kubelet.orlop.dev/endpoint": "exec",
      "kubelet.orlop.dev/granted-by": "create nodes/proxy",
      "kubelet.orlop.dev/method": "GET",
      "kubelet.orlop.dev/namespace": "default",
      "kubelet.orlop.dev/pod": "web",
      "kubelet.orlop.dev/subprotocols": "v4.channel.k8s.io",
      "kubelet.orlop.dev/upgrade": "websocket",
    });
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it("sees a command that hides in the body of a form", () => {
    const { events, trail } = world();
    const entry = trail(requestOf("POST", "/run/default/web/main"), { endpoint: "run", parameters: {} });
    entry.decided(granted("create"));
    entry.form(new URLSearchParams("cmd=cat+/etc/shadow"));
    entry.ended(200);
    expect(events[0]?.annotations["kubelet.orlop.dev/command"]).toBe('["cat","/etc/shadow"]');
  });

  it("tells a get-only attempt, a fall back to proxy, an outage and missing credentials apart", () => {
    const { events, trail } = world();
    const verdicts: readonly AccessVerdict[] = [
      { access: "forbidden", user: USER, verb: "create", subresources: ["proxy"], getOnly: true },
      granted("get", true),
      { access: "error", user: USER, verb: "get", subresource: "pods", reason: "API server away" },
      { access: "unauthenticated" },
    ];
    for (const verdict of verdicts) {
      const entry = trail(requestOf("GET", "/pods"), { endpoint: "pods", parameters: {} });
      entry.decided(verdict);
      entry.ended(verdict.access === "granted" ? 200 : 403);
    }
    expect(events.map(({ annotations }) => annotations["authorization.k8s.io/decision"])).toEqual([
      "forbid",
      "allow",
      "forbid",
      "forbid",
    ]);
    expect(events[0]?.annotations).toMatchObject({
      "kubelet.orlop.dev/get-only": "true",
      "kubelet.orlop.dev/refused": "nodes/proxy",
    });
    expect(events[1]?.annotations).toMatchObject({ "kubelet.orlop.dev/proxy-fallback": "true" });
    expect(events[3]?.user).toEqual({});
  });

  it("leaves out plain health probes, but not refused ones", () => {
    const { events, trail } = world();
    const probe = (verdict: AccessVerdict, method = "GET"): void => {
      const entry = trail(requestOf(method, "/healthz/ping"), { endpoint: "healthz", parameters: {} });
      entry.decided(verdict);
      entry.ended(200);
    };
    probe(granted("get"));
    expect(events).toEqual([]);
    probe({ access: "unauthenticated" });
    probe(granted("create"), "POST");
    expect(events).toHaveLength(2);
  });

  it("writes down no values of parameters it does not know, and nothing without bounds", () => {
    const { events, trail } = world();
    const target = `/containerLogs/d/p/c?tailLines=3&access_token=${SECRET}&command=${"x".repeat(9_000)}`;
    trail(requestOf("GET", target), { endpoint: "containerLogs", parameters: {} }).ended(200);
    const text = JSON.stringify(events);
    expect(text).not.toContain(SECRET);
    expect(text).toContain("tailLines=3&access_token=REDACTED");
    expect(text.length).toBeLessThan(8_000);
  });

  it("counts what could not be kept", () => {
    const { dropped, trail } = world(() => false);
    trail(requestOf("GET", "/pods"), { endpoint: "pods", parameters: {} }).ended(200);
    expect(dropped.count).toBe(1);
  });
});
