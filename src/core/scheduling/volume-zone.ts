import type { Node, PersistentVolume } from "../../api/types.ts";

const NEW_NAMES: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
};
const LABELS = [...Object.keys(NEW_NAMES), ...Object.values(NEW_NAMES)];
/** A label of a volume may name several zones. */
const SEPARATOR = "__";

/**
 * Whether a node lies in the zone and region a volume's labels name. A node that has no such label is taken to be in the
 * only zone there is.
 */
export function isInZoneOf({ metadata }: PersistentVolume, node: Node): boolean {
  const here = node.metadata?.labels ?? {};
  if (!LABELS.some((label) => here[label] !== undefined)) return true;
  return LABELS.every((label) => {
    const zones = metadata?.labels?.[label];
    if (zones === undefined) return true;
    const zone = here[label] ?? here[NEW_NAMES[label] ?? label];
    return zone !== undefined && zones.split(SEPARATOR).includes(zone);
  });
}
