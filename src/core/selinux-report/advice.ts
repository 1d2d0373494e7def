import type { ReportedWorkload } from "./reported-volume.ts";

/** What to do about the conflict of these users of one volume. */
export function adviceFor(workloads: readonly ReportedWorkload[]): string {
  const labels = new Set(workloads.flatMap(({ label }) => (label === "" ? [] : [label])));
  const optOut = "let `orlop selinux opt-out` set seLinuxChangePolicy: Recursive on all of them";
  const reasons = new Set(workloads.flatMap(({ because }) => because ?? []));
  if (reasons.has("opted-out")) {
    return `some have opted out and others have not: ${optOut}`;
  }
  if (reasons.size > 0) {
    const [only] = labels;
    const level = labels.size === 1 && only !== undefined ? `the label ${only}` : "one level";
    return `give every container that mounts the volume ${level} (spec.securityContext.seLinuxOptions), or ${optOut}`;
  }
  return `give them one level (spec.securityContext.seLinuxOptions.level), or ${optOut}`;
}
