import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../../api/audit-event.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog } from "../../testing/quiet.ts";
import { parseRequestInfo } from "../request-info.ts";
import { createAuditLog } from "./audit-log.ts";
import type { AuditedRequest } from "./handler.ts";

function audited(method: string, target: string, more: Partial<AuditedRequest> = {}): AuditedRequest {
  const [path = "", query = ""] = target.split("?");
  const request = {
    method,
    target,
    path,
    query: new URLSearchParams(query),
    headers: { "user-agent": "kubectl/v1.36", authorization: "Bearer secret" },
    httpVersion: "1.1",
    peer: { address: "10.0.0.9", port: 1, certificates: [], encrypted: true },
    signal: new AbortController().signal,
    body: async () => new Uint8Array(),
  } as const;
  return {
    id: "id-1",
    request,
    info: parseRequestInfo(request),
    user: { name: "ann", groups: ["dev"], extra: {} },
    code: 201,
    isLongRunning: false,
    receivedAt: Date.UTC(2026, 0, 1),
    annotations: new Map(),
    ...more,
  };
}

function world(accept = true) {
  const lines: string[] = [];
  const records = {
    append: (line: string): boolean => {
      if (accept) lines.push(line);
      return accept;
    },
  };
  const write = createAuditLog({ records, clock: createFakeClock(), log: quietLog() });
  return { lines, write, events: () => lines.map((line) => JSON.parse(line) as AuditEvent) };
}

describe("createAuditLog()", () => {
  it("says who did what to which object, and what admission found", () => {
    const { write, events } = world();
    const annotations = new Map([["pod-security.kubernetes.io/exempt", "namespace"]]);
    write(audited("POST", "/apis/apps/v1/namespaces/default/deployments", { annotations }));
    expect(events()).toEqual([
      {
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "Metadata",
        auditID: "id-1",
        stage: "ResponseComplete",
        requestURI: "/apis/apps/v1/namespaces/default/deployments",
        verb: "create",
        user: { username: "ann", groups: ["dev"] },
        sourceIPs: ["10.0.0.9"],
        userAgent: "kubectl/v1.36",
        objectRef: { resource: "deployments", namespace: "default", apiGroup: "apps", apiVersion: "v1" },
        responseStatus: { metadata: {}, code: 201 },
        requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
        stageTimestamp: "2026-01-01T00:00:00.000000Z",
        annotations: { "pod-security.kubernetes.io/exempt": "namespace" },
      },
    ]);
  });

  it("tells who asked from whom they acted as", () => {
    const { write, events } = world();
    write(audited("GET", "/api/v1/pods", { impersonatedBy: { name: "root", groups: [], extra: {} } }));
    expect(events()).toMatchObject([{ user: { username: "root" }, impersonatedUser: { username: "ann" } }]);
  });

  it("records the start of what goes on, paths without objects, and no secret", () => {
    const { write, events, lines } = world();
    write(audited("GET", "/api/v1/namespaces/d/pods/p/log?follow=true&token=secret", { isLongRunning: true }));
    write(audited("GET", "/healthz"));
    expect(events()).toMatchObject([
      { stage: "ResponseStarted", requestURI: "/api/v1/namespaces/d/pods/p/log?follow=true&token=REDACTED" },
      { stage: "ResponseComplete", verb: "get" },
    ]);
    expect(events()[1]).not.toHaveProperty("objectRef");
    expect(lines.join()).not.toContain("secret");
  });

  it("goes on when records can not be kept", () => {
    expect(() => world(false).write(audited("GET", "/healthz"))).not.toThrow();
  });
});
