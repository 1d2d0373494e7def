/** From when a volume is mounted with labels: ReadWriteOncePod volumes are already, others once SELinuxMount is on. */
export type LabelledFrom = "now" | "SELinuxMount";

/** @param accessModes of the PersistentVolume */
export function labelledFrom(accessModes: readonly string[]): LabelledFrom {
  return accessModes.length === 1 && accessModes[0] === "ReadWriteOncePod" ? "now" : "SELinuxMount";
}
