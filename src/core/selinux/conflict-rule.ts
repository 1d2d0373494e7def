import { canonicalLevel, formatLabel, type SELinuxLabel } from "./label.ts";

export type ChangePolicy = "Recursive" | "MountOption";
export type ConflictProperty = "SELinuxLabel" | "SELinuxChangePolicy";

/** How one pod wants one volume to be labelled, as far as the API tells. */
export interface VolumeLabelling {
  readonly policy: ChangePolicy;
  /** Parts that nobody knows are "". */
  readonly label: SELinuxLabel;
}

/**
 * What counts in a comparison: a pod that opted out or has no level gets its volume relabelled recursively, and then no
 * label of its own is compared (selinux-volumes.md section 11).
 */
export function effectiveLabelling({ policy, label }: VolumeLabelling): VolumeLabelling {
  if (policy === "Recursive" || label.level === "") return RECURSIVE;
  return { policy, label: { ...label, level: canonicalLevel(label.level) } };
}

const RECURSIVE: VolumeLabelling = { policy: "Recursive", label: { user: "", role: "", type: "", level: "" } };

/**
 * Why two pods can not use one volume on one node at the same time. User, role and type conflict only where both are known;
 * a level conflicts with any other, an absent one included. Symmetric.
 */
export function conflictsBetween(left: VolumeLabelling, right: VolumeLabelling): readonly ConflictProperty[] {
  const one = effectiveLabelling(left);
  const other = effectiveLabelling(right);
  const conflicts: ConflictProperty[] = [];
  if (one.policy !== other.policy) conflicts.push("SELinuxChangePolicy");
  if (one.label.level !== other.label.level || partsConflict(one.label, other.label)) conflicts.push("SELinuxLabel");
  return conflicts;
}

/** Whether user, role or type of two labels exclude each other. */
export function partsConflict(left: SELinuxLabel, right: SELinuxLabel): boolean {
  return differ(left.user, right.user) || differ(left.role, right.role) || differ(left.type, right.type);
}

function differ(left: string, right: string): boolean {
  return left !== "" && right !== "" && left !== right;
}

/** The value of a property as events and metrics show it. */
export function propertyValue(property: ConflictProperty, labelling: VolumeLabelling): string {
  const { policy, label } = effectiveLabelling(labelling);
  return property === "SELinuxLabel" ? formatLabel(label) : policy;
}
