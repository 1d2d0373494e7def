import type { User } from "../../api/user.ts";

/** One record of the trail, in the shape of audit.k8s.io/v1 Event, so that tools for the API server's audit log read it. */
export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: "Metadata";
  readonly auditID: string;
  readonly stage: "ResponseStarted" | "ResponseComplete";
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  readonly objectRef: {
    readonly resource: "nodes";
    readonly name: string;
    readonly apiVersion: "v1";
    readonly subresource?: string;
  };
  readonly responseStatus: { readonly metadata: Readonly<Record<string, never>>; readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface AuditUser {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const ANNOTATION_PREFIX = "kubelet.orlop.dev/";

/** Parameters of the kubelet's API. Values of others are left out: nobody knows what is in them. */
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set([
  ..."boot cmd command container debug error exclude follow input insecureSkipTLSVerifyBackend limitBytes".split(" "),
  ..."only_cpu_and_memory output pattern port previous query seconds sinceSeconds sinceTime stderr stdin".split(" "),
  ..."stdout stream tail tailLines timeout timestamps tty untilTime verbose".split(" "),
]);
const LONGEST_TARGET = 2_048;
const LONGEST_TEXT = 4_096;

export function auditUser({ name, uid, groups, extra }: User): AuditUser {
  return {
    username: name,
    ...(uid !== undefined && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The request target as it may be written down: no values of unknown parameters, of bounded length. */
export function recordedTarget(target: string): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  if (question < 0) return shortened(path, LONGEST_TARGET);
  const parameters = target
    .slice(question + 1)
    .split("&")
    .map((parameter) => {
      const name = parameter.split("=")[0] ?? "";
      return name === "" || KNOWN_PARAMETERS.has(name) || !parameter.includes("=") ? parameter : `${name}=REDACTED`;
    });
  return shortened(`${path}?${parameters.join("&")}`, LONGEST_TARGET);
}

/** A command as a JSON list. */
export function recordedCommand(command: readonly string[]): string {
  return shortened(JSON.stringify(command), LONGEST_TEXT);
}

export function shortened(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

/** Microseconds, as Kubernetes writes MicroTime. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}
