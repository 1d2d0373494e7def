import type { AuditEvent as AnyAuditEvent } from "../../api/audit-event.ts";
import { recordedTarget as recordedTargetOf, shortened } from "../../api/audit-event.ts";

/** One record of the trail. */
export interface AuditEvent extends AnyAuditEvent {
  readonly annotations: Readonly<Record<string, string>>;
}

export const ANNOTATION_PREFIX = "kubelet.orlop.dev/";

/** Parameters of the kubelet's API. Values of others are left out: nobody knows what is in them. */
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set([
  ..."boot cmd command container debug error exclude follow input insecureSkipTLSVerifyBackend limitBytes".split(" "),
  ..."only_cpu_and_memory output pattern port previous query seconds sinceSeconds sinceTime stderr stdin".split(" "),
  ..."stdout stream tail tailLines timeout timestamps tty untilTime verbose".split(" "),
]);
const LONGEST_TEXT = 4_096;

/** The request target as it may be written down: no values of unknown parameters, of bounded length. */
export function recordedTarget(target: string): string {
  return recordedTargetOf(target, KNOWN_PARAMETERS);
}

/** A command as a JSON list. */
export function recordedCommand(command: readonly string[]): string {
  return shortened(JSON.stringify(command), LONGEST_TEXT);
}
