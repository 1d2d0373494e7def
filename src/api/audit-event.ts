import type { User } from "./user.ts";

/** One record of an audit log: audit.k8s.io/v1 Event, as far as it is written here. */
export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: "Metadata";
  readonly auditID: string;
  readonly stage: "ResponseStarted" | "ResponseComplete";
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  /** Absent: nobody else than `user`. */
  readonly impersonatedUser?: AuditUser;
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  /** Absent for paths that are no resource. */
  readonly objectRef?: AuditObjectReference;
  readonly responseStatus: { readonly metadata: Readonly<Record<string, never>>; readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AuditUser {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface AuditObjectReference {
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly apiGroup?: string;
  readonly apiVersion: string;
  readonly subresource?: string;
}

export function auditUser({ name, uid, groups, extra }: User): AuditUser {
  return {
    username: name,
    ...(uid !== undefined && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** Microseconds, as Kubernetes writes MicroTime. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}

const LONGEST_TARGET = 2_048;

/**
 * A request target as it may be written down: of bounded length, and without values of parameters nobody knows, which may
 * be secrets.
 */
export function recordedTarget(target: string, knownParameters: ReadonlySet<string>): string {
  const question = target.indexOf("?");
  if (question < 0) return shortened(target, LONGEST_TARGET);
  const parameters = target
    .slice(question + 1)
    .split("&")
    .map((parameter) => {
      const name = parameter.split("=")[0] ?? "";
      return name === "" || knownParameters.has(name) || !parameter.includes("=") ? parameter : `${name}=REDACTED`;
    });
  return shortened(`${target.slice(0, question)}?${parameters.join("&")}`, LONGEST_TARGET);
}

export function shortened(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}
