import type { ConflictIndex } from "./conflict-index.ts";
import type { VolumeMember, VolumeUse } from "./volume-use.ts";
import { canonicalLevel } from "./label.ts";

/** Why kubelets differ in what they make of a pod's volume, so that no conflict found does not mean that all is well. */
export type Uncertainty =
  /** A label without a level, or a level on some containers only: the documentation says recursive, upstream's kubelet mounts. */
  | "no-level"
  /** Levels that are one to the kernel and differ as text, which is what upstream's kubelet compares. */
  | "spelling"
  /** The PersistentVolume has a context among its mountOptions: upstream's kubelet adds a second one. */
  | "context-option";

/** Whether a pod by itself can be the reason of an uncertainty; `uncertaintiesOf` says whether it is one. */
export function mayBeUncertain(use: VolumeUse): boolean {
  return reasonIn(use) !== undefined;
}

/** The pods of one volume of which nobody knows what kubelets will do, by reason. Empty for nearly all volumes. */
export function uncertaintiesOf(members: Iterable<VolumeMember>): ReadonlyMap<Uncertainty, readonly VolumeMember[]> {
  const found = new Map<Uncertainty, VolumeMember[]>();
  const spellings = new Map<string, { readonly texts: Set<string>; readonly members: VolumeMember[] }>();
  const add = (reason: Uncertainty, ...more: readonly VolumeMember[]): void => {
    const known = found.get(reason);
    if (known === undefined) found.set(reason, [...more]);
    else for (const one of more) known.push(one);
  };
  for (const member of members) {
    const { policy, label } = member.use;
    const reason = reasonIn(member.use);
    if (reason !== undefined && reason !== "spelling") add(reason, member);
    if (policy !== "MountOption") continue;
    const level = canonicalLevel(label.level);
    const spelt = spellings.get(level) ?? { texts: new Set<string>(), members: [] };
    spellings.set(level, spelt);
    spelt.texts.add(label.level);
    spelt.members.push(member);
  }
  for (const { texts, members: same } of spellings.values()) if (texts.size > 1) add("spelling", ...same);
  return found;
}

/** How many volumes there are of which nobody knows. */
export function countUncertainVolumes(index: Pick<ConflictIndex, "volumesInDoubt" | "membersOf">): number {
  let count = 0;
  for (const volume of index.volumesInDoubt()) if (uncertaintiesOf(index.membersOf(volume)).size > 0) count += 1;
  return count;
}

function reasonIn({ policy, because, label, fixedContext }: VolumeUse): Uncertainty | undefined {
  if (policy === "Recursive") return because === "no-level" ? "no-level" : undefined;
  if (fixedContext !== undefined) return "context-option";
  return label.level === canonicalLevel(label.level) ? undefined : "spelling";
}
