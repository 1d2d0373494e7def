import type { Pod } from "../../api/types.ts";
import type { ChangePolicy, VolumeLabelling } from "./conflict-rule.ts";
import { canonicalLevel, formatLabel, type SELinuxLabel } from "./label.ts";
import { processLabelOf } from "./volume-label.ts";

/** Why a pod has its volume relabelled file by file instead of mounted with a label. */
export type RecursiveReason =
  /** seLinuxChangePolicy: Recursive */
  | "opted-out"
  /** No container that mounts it has seLinuxOptions. */
  | "no-label"
  /** Some container that mounts it has no level, so that nobody knows the label beforehand. */
  | "no-level";

/** How a pod wants one of its volumes to be labelled. */
export type VolumeDemand =
  | { readonly kind: "labelled"; readonly labelling: VolumeLabelling }
  | { readonly kind: "recursive"; readonly because: RecursiveReason }
  /** Its containers need different labels: with a driver that mounts with a context the pod can not start. */
  | { readonly kind: "several-labels"; readonly labels: readonly string[] };

const NO_LABEL: SELinuxLabel = { user: "", role: "", type: "", level: "" };
export const RECURSIVE_LABELLING: VolumeLabelling = { policy: "Recursive", label: NO_LABEL };

/** The demands of a pod by the names of the volumes that some container of it mounts; devices take no part. */
export function volumeDemandsOf(pod: Pod): ReadonlyMap<string, VolumeDemand> {
  const { securityContext, containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const users = new Map<string, SELinuxLabel[]>();
  for (const container of [...containers, ...initContainers, ...ephemeralContainers]) {
    const label = processLabelOf(container.securityContext?.seLinuxOptions ?? securityContext?.seLinuxOptions);
    for (const name of new Set((container.volumeMounts ?? []).map((mount) => mount.name))) {
      const labels = users.get(name);
      if (labels === undefined) users.set(name, [label]);
      else labels.push(label);
    }
  }
  const policy: ChangePolicy = securityContext?.seLinuxChangePolicy === "Recursive" ? "Recursive" : "MountOption";
  return new Map([...users].map(([name, labels]) => [name, demandOf(labels, policy)]));
}

function demandOf(labels: readonly SELinuxLabel[], policy: ChangePolicy): VolumeDemand {
  if (policy === "Recursive") return { kind: "recursive", because: "opted-out" };
  const known = labels.filter(({ level }) => level !== "");
  // Only user and level reach the files; containers that differ in role or type share a volume in peace.
  const distinct = new Map(known.map((label) => [`${label.user}:${canonicalLevel(label.level)}`, label]));
  if (distinct.size > 1) {
    return { kind: "several-labels", labels: [...distinct.values()].map((label) => formatLabel(label)).toSorted() };
  }
  const [first, ...others] = known;
  if (first === undefined) {
    const given = labels.some((label) => formatLabel(label) !== "");
    return { kind: "recursive", because: given ? "no-level" : "no-label" };
  }
  if (known.length < labels.length) return { kind: "recursive", because: "no-level" };
  const same = (part: "role" | "type"): string =>
    others.every((label) => label[part] === first[part]) ? first[part] : "";
  return { kind: "labelled", labelling: { policy, label: { ...first, role: same("role"), type: same("type") } } };
}
