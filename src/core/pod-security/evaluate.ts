import { BASELINE_CHECKS } from "./baseline-checks.ts";
import type { Check, CheckVersion, PodSubject, Violation } from "./check.ts";
import type { LevelVersion } from "./policy.ts";
import { RESTRICTED_CHECKS } from "./restricted-checks.ts";

/**
 * What of a pod breaks a level, baseline rules first.
 *
 * @param newest the minor version that "latest" and everything after it mean
 */
export function violationsOf(
  subject: PodSubject,
  { level, minor }: LevelVersion,
  newest: number,
): readonly Violation[] {
  if (level === "privileged") return [];
  const version = Math.min(minor, newest);
  const restricted = level === "restricted" ? versionsAt(RESTRICTED_CHECKS, version) : [];
  const replaced = new Set(restricted.flatMap(({ chosen }) => chosen.replaces ?? []));
  const baseline = versionsAt(BASELINE_CHECKS, version).filter(({ id }) => !replaced.has(id));
  return [...baseline, ...restricted].flatMap(({ chosen }) => chosen.check(subject) ?? []);
}

/** `reason (detail), reason (detail)` */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
}

function versionsAt(
  checks: readonly Check[],
  version: number,
): readonly { readonly id: string; readonly chosen: CheckVersion }[] {
  return checks.flatMap(({ id, versions }) => {
    const chosen = versions.findLast(({ since }) => since <= version);
    return chosen === undefined ? [] : [{ id, chosen }];
  });
}
