import {
  type AuditEvent,
  type AuditObjectReference,
  auditUser,
  microTime,
  recordedTarget,
  shortened,
} from "../../api/audit-event.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { RecordLog } from "../../ports/record-log.ts";
import type { RequestInfo } from "../extension.ts";
import type { AuditedRequest } from "./handler.ts";

export interface AuditLogDeps {
  readonly records: RecordLog;
  readonly clock: Clock;
  readonly log: Log;
}

const LONGEST_USER_AGENT = 2_048;
const LONGEST_ANNOTATION = 4_096;
const COMPLAIN_EVERY = 1_000;

/**
 * Writes one record of level Metadata for each request, in the form of kube-apiserver's log file: who asked for what, from
 * where, what was answered, and what admission noted. Bodies are not recorded.
 */
export function createAuditLog({ records, clock, log }: AuditLogDeps): (request: AuditedRequest) => void {
  let dropped = 0;
  return (audited) => {
    if (records.append(JSON.stringify(auditEvent(audited, clock.now())))) return;
    if (dropped++ % COMPLAIN_EVERY === 0) log.error("audit records are lost: the disk does not keep up", { dropped });
  };
}

function auditEvent(audited: AuditedRequest, now: number): AuditEvent {
  const { id, request, info, user, impersonatedBy, code, isLongRunning, receivedAt, annotations } = audited;
  const userAgent = request.headers["user-agent"];
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: id,
    stage: isLongRunning ? "ResponseStarted" : "ResponseComplete",
    requestURI: recordedTarget(request.target, KNOWN_PARAMETERS),
    verb: info.verb,
    user: auditUser(impersonatedBy ?? user),
    ...(impersonatedBy !== undefined && { impersonatedUser: auditUser(user) }),
    sourceIPs: [request.peer.address],
    ...(typeof userAgent === "string" && { userAgent: shortened(userAgent, LONGEST_USER_AGENT) }),
    ...(info.type === "resource" && { objectRef: referenceOf(info) }),
    responseStatus: { metadata: {}, code },
    requestReceivedTimestamp: microTime(receivedAt),
    stageTimestamp: microTime(now),
    ...(annotations.size > 0 && {
      annotations: Object.fromEntries(
        [...annotations].map(([key, value]) => [key, shortened(value, LONGEST_ANNOTATION)]),
      ),
    }),
  };
}

function referenceOf({ resource, subresource, namespace, name, group, version }: RequestInfo): AuditObjectReference {
  return {
    resource,
    ...(namespace !== "" && { namespace }),
    ...(name !== "" && { name }),
    ...(group !== "" && { apiGroup: group }),
    apiVersion: version,
    ...(subresource !== "" && { subresource }),
  };
}

/** Parameters of the API; values of others may be secrets. */
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(
  (
    "allowWatchBookmarks command container continue dryRun fieldManager fieldSelector fieldValidation follow force " +
    "gracePeriodSeconds labelSelector limit limitBytes orphanDependents path ports pretty previous propagationPolicy " +
    "resourceVersion resourceVersionMatch sendInitialEvents sinceSeconds sinceTime stderr stdin stdout stream tailLines " +
    "timeout timeoutSeconds timestamps tty watch"
  ).split(" "),
);
