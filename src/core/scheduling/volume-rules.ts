import { ok, type Result } from "../../lib/result.ts";
import type { Node, Pod } from "../../api/types.ts";
import { FITS, type FilterVerdict, neverFits } from "./filter-verdict.ts";
import type { NodeView } from "./node-view.ts";
import { NOTHING_TO_BIND, placeVolumes, type VolumePlan } from "./place-volumes.ts";
import { volumesOfPod } from "./pod-volumes.ts";
import type { StorageView } from "./storage-view.ts";
import { volumeLimits } from "./volume-limits.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { isInZoneOf } from "./volume-zone.ts";

/** What the volumes of one pod ask of nodes. */
export interface VolumeRules {
  check(view: NodeView): FilterVerdict;
  /** What to do for the volumes on a node that passed. */
  planFor(node: Node): VolumePlan;
}

/** Those of a pod without volumes. */
export const NO_VOLUME_RULES: VolumeRules = { check: () => FITS, planFor: () => NOTHING_TO_BIND };

/**
 * The rules of upstream's plugins VolumeRestrictions, NodeVolumeLimits, VolumeBinding and VolumeZone for a pod, in that
 * order, or why it can not run on any node.
 */
export function volumeRulesOf(pod: Pod, storage: StorageView, views: readonly NodeView[]): Result<VolumeRules> {
  if ((pod.spec?.volumes ?? []).length === 0) return ok(NO_VOLUME_RULES);
  const volumes = volumesOfPod(pod, storage);
  if (!volumes.ok) return volumes;
  const bound = volumes.value.bound.flatMap(({ spec }) => storage.volume(spec?.volumeName ?? "") ?? []);
  const filters: readonly ((view: NodeView) => FilterVerdict)[] = [
    volumeRestrictions(pod, storage, views),
    volumeLimits(pod, storage),
    ({ node }) => {
      const placement = placeVolumes(volumes.value, node, storage);
      return placement.fits ? FITS : neverFits(...placement.reasons);
    },
    ({ node }) =>
      bound.every((volume) => isInZoneOf(volume, node)) ? FITS : neverFits("node(s) had no available volume zone"),
  ];
  return ok({
    check(view) {
      for (const filter of filters) {
        const verdict = filter(view);
        if (!verdict.fits) return verdict;
      }
      return FITS;
    },
    planFor(node) {
      const placement = placeVolumes(volumes.value, node, storage);
      return placement.fits ? placement.plan : NOTHING_TO_BIND;
    },
  });
}
