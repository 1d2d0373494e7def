import { auditUser, microTime, shortened } from "../../api/audit-event.ts";
import { classifyKubeletRequest, isBelow, isConnectPath } from "../../core/authz/kubelet-request.ts";
import { offeredProtocols } from "../../core/streams/protocol-names.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { RecordLog } from "../../ports/record-log.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import { ANNOTATION_PREFIX, type AuditEvent, recordedCommand, recordedTarget } from "./audit-event.ts";

/** What the router found out about a request. */
export interface TrailedRoute {
  /** e.g. "exec"; "" when no endpoint is there. */
  readonly endpoint: string;
  /** namespace, pod, uid, container as far as the path has them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One request on its way through the server. */
export interface RequestTrail {
  decided(verdict: AccessVerdict): void;
  /** Fields of a form that came as the body. */
  form(fields: URLSearchParams): void;
  /** The answer has begun and goes on: a stream. */
  started(code: number): void;
  /** Call once. */
  ended(code: number): void;
}

/** A record of who did what over the kubelet's API. */
export type Trail = (request: HttpRequest, route: TrailedRoute) => RequestTrail;

export interface TrailDeps {
  readonly records: RecordLog;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly random: Pick<Random, "uuid">;
  readonly log: Log;
  /** Counts records that could not be kept. */
  readonly onDropped: () => void;
}

export interface TrailOptions {
  readonly nodeName: string;
}

const LONGEST_REASON = 512;
const TELL_DROPPED_EVERY_MS = 60_000;

/** Writes one record for each request that is no plain health probe, two for streams: at their start and at their end. */
export function createTrail(deps: TrailDeps, { nodeName }: TrailOptions): Trail {
  const { clock } = deps;
  let toldAt = -Infinity;

  const keep = (event: AuditEvent): void => {
    if (deps.records.append(JSON.stringify(event))) return;
    deps.onDropped();
    if (clock.monotonic() - toldAt < TELL_DROPPED_EVERY_MS) return;
    toldAt = clock.monotonic();
    deps.log.error("a record of the kubelet API's trail could not be kept", { auditID: event.auditID });
  };

  return (request, route) => {
    const receivedAt = clock.now();
    let auditID: string | undefined;
    let form: Record<string, string> = {};
    let verdict: AccessVerdict | undefined;

    const record = (stage: AuditEvent["stage"], code: number): void => {
      if (isPlainHealthProbe(request, verdict)) return;
      auditID ??= deps.random.uuid();
      const userAgent = request.headers["user-agent"];
      const subresource = verdict === undefined ? undefined : subresourceOf(verdict);
      keep({
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "Metadata",
        auditID,
        stage,
        requestURI: recordedTarget(request.target),
        verb: verdict !== undefined && "verb" in verdict ? verdict.verb : verbOf(request),
        user: verdict !== undefined && "user" in verdict ? auditUser(verdict.user) : {},
        sourceIPs: [request.peer.address],
        ...(userAgent !== undefined && { userAgent: shortened(userAgent, LONGEST_REASON) }),
        objectRef: {
          resource: "nodes",
          name: nodeName,
          apiVersion: "v1",
          ...(subresource !== undefined && { subresource }),
        },
        responseStatus: { metadata: {}, code },
        requestReceivedTimestamp: microTime(receivedAt),
        stageTimestamp: microTime(clock.now()),
        annotations: {
          ...requestDetails(request, route),
          ...form,
          ...(verdict !== undefined && decisionDetails(verdict)),
        },
      });
    };

    return {
      decided: (decided) => {
        verdict = decided;
      },
      form: (fields) => {
        form = commandDetails(fields);
      },
      started: (code) => record("ResponseStarted", code),
      ended: (code) => record("ResponseComplete", code),
    };
  };
}

function verbOf({ method, path }: HttpRequest): string {
  return classifyKubeletRequest(method, path, { fineGrained: true }).verb;
}

function isPlainHealthProbe({ method, path }: HttpRequest, verdict: AccessVerdict | undefined): boolean {
  return method === "GET" && isBelow(path, "/healthz") && (verdict === undefined || verdict.access === "granted");
}

function named(details: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(details).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "");
  return Object.fromEntries(given.map(([name, value]) => [`${ANNOTATION_PREFIX}${name}`, value]));
}

function requestDetails(request: HttpRequest, { endpoint, parameters }: TrailedRoute): Record<string, string> {
  const { action } = classifyKubeletRequest(request.method, request.path, { fineGrained: true });
  const { namespace, pod, container, uid } = parameters;
  return {
    ...named({
      action,
      endpoint,
      method: shortened(request.method, 32),
      namespace: namespace && shortened(namespace, 253),
      pod: pod && shortened(pod, 253),
      "pod-uid": uid && shortened(uid, 253),
      container: container && shortened(container, 253),
      upgrade: request.upgrade && shortened(request.upgrade.protocol, 64),
      subprotocols: request.upgrade && shortened(offeredProtocols(request.headers).join(","), 256),
    }),
    ...(isConnectPath(request.path) && commandDetails(request.query)),
  };
}

function commandDetails(fields: URLSearchParams): Record<string, string> {
  const command = fields.getAll("command");
  const line = fields.get("cmd");
  const ports = fields.getAll("port");
  return named({
    ...(command.length > 0 && { command: recordedCommand(command) }),
    ...(line !== null && { command: recordedCommand(line.split(" ")) }),
    ...(ports.length > 0 && { ports: shortened(ports.join(","), 256) }),
  });
}

function subresourceOf(verdict: AccessVerdict): string | undefined {
  switch (verdict.access) {
    case "granted":
    case "error":
      return verdict.subresource;
    case "forbidden":
      return verdict.subresources[0];
    case "unauthenticated":
      return undefined;
  }
}

function decisionDetails(verdict: AccessVerdict): Record<string, string> {
  const decision = { "authorization.k8s.io/decision": verdict.access === "granted" ? "allow" : "forbid" };
  const getOnly = "getOnly" in verdict && verdict.getOnly === true ? "true" : undefined;
  switch (verdict.access) {
    case "granted":
      return {
        ...decision,
        ...(verdict.reason !== "" && { "authorization.k8s.io/reason": shortened(verdict.reason, LONGEST_REASON) }),
        ...named({
          "granted-by": `${verdict.verb} nodes/${verdict.subresource}`,
          "proxy-fallback": verdict.fallback ? "true" : undefined,
          "get-only": getOnly,
        }),
      };
    case "forbidden":
      return {
        ...decision,
        ...named({ refused: verdict.subresources.map((name) => `nodes/${name}`).join(" "), "get-only": getOnly }),
      };
    case "error":
      return {
        ...decision,
        "authorization.k8s.io/reason": shortened(verdict.reason, LONGEST_REASON),
        ...named({ refused: `nodes/${verdict.subresource}` }),
      };
    case "unauthenticated":
      return decision;
  }
}
