import type { Pod } from "../../../api/types.ts";
import { violationsOf } from "../../../core/pod-security/evaluate.ts";
import { type LevelVersion, showLevelVersion } from "../../../core/pod-security/policy.ts";

const MAX_PODS = 3_000;

/** Which pods of a namespace break the level it is going to enforce. They keep running. */
export function warningsAboutPods(input: {
  readonly name: string;
  readonly pods: readonly Pod[];
  readonly level: LevelVersion;
  readonly newestMinor: number;
}): readonly string[] {
  const { name, level, newestMinor } = input;
  const all = prioritized(input.pods);
  const pods = all.slice(0, MAX_PODS);
  const found = new Map<string, { first: string; count: number }>();
  for (const { metadata = {}, spec } of pods) {
    if (spec === undefined) continue;
    const reasons = violationsOf({ metadata, spec }, level, newestMinor).map(({ reason }) => reason);
    if (reasons.length === 0) continue;
    const entry = found.get(reasons.join(", "));
    const podName = metadata.name ?? "";
    if (entry === undefined) found.set(reasons.join(", "), { first: podName, count: 1 });
    else {
      entry.count += 1;
      if (podName < entry.first) entry.first = podName;
    }
  }
  return [
    ...(pods.length < all.length
      ? [`new PodSecurity enforce level only checked against the first ${pods.length} of ${all.length} existing pods`]
      : []),
    ...(found.size > 0
      ? [`existing pods in namespace "${name}" violate the new PodSecurity enforce level "${showLevelVersion(level)}"`]
      : []),
    ...[...found].map(([reasons, { first, count }]) => `${first}${others(count)}: ${reasons}`).toSorted(),
  ];
}

function others(count: number): string {
  if (count === 1) return "";
  return count === 2 ? " (and 1 other pod)" : ` (and ${count - 1} other pods)`;
}

/** One pod of each controller before its siblings, which are alike. */
function prioritized(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>();
  const siblings: Pod[] = [];
  const first = pods.filter((pod) => {
    const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    if (owner === undefined) return true;
    if (seen.has(owner)) {
      siblings.push(pod);
      return false;
    }
    seen.add(owner);
    return true;
  });
  return [...first, ...siblings];
}
