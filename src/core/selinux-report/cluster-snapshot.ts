import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { type ConflictIndex, createConflictIndex } from "../selinux/conflict-index.ts";
import type { LabelDefaults } from "../selinux/label-defaults.ts";
import { CONTEXT_PLUGINS, csiPlugin } from "../selinux/persistent-volume.ts";
import { podVolumesOf } from "../selinux/pod-volumes.ts";
import type { ReportInput } from "./report.ts";

export interface ClusterObjects {
  readonly pods: readonly Pod[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly persistentVolumes: readonly PersistentVolume[];
  readonly drivers: readonly CSIDriver[];
}

/** What a report and a plan are made from, found once in lists of objects. */
export type ClusterSnapshot = Pick<ReportInput, "pod" | "podsWithSeveralLabels"> & {
  readonly index: ConflictIndex;
  /** Those with a volume that could conflict. */
  readonly pods: readonly Pod[];
};

export function snapshotOf(objects: ClusterObjects, defaults?: LabelDefaults): ClusterSnapshot {
  const claims = new Map(objects.claims.map((claim) => [keyOf(claim), claim]));
  const volumes = new Map(objects.persistentVolumes.map((volume) => [volume.metadata?.name ?? "", volume]));
  const index = createConflictIndex();
  for (const plugin of CONTEXT_PLUGINS) index.setPluginSupport(plugin, true);
  for (const { metadata, spec } of objects.drivers) {
    index.setPluginSupport(csiPlugin(metadata?.name ?? ""), spec?.seLinuxMount === true);
  }
  const pods = new Map<string, Pod>();
  const podsWithSeveralLabels: ClusterSnapshot["podsWithSeveralLabels"][number][] = [];
  for (const pod of objects.pods) {
    const { uid, namespace = "", name = "" } = pod.metadata ?? {};
    if (uid === undefined) continue;
    const lookups = {
      claim: (key: string) => claims.get(key),
      persistentVolume: (volume: string) => volumes.get(volume),
    };
    const { uses, severalLabels } = podVolumesOf(pod, lookups, defaults);
    const real = severalLabels.filter(({ plugin }) => index.isSupported(plugin));
    if (real.length > 0) podsWithSeveralLabels.push({ pod, volumes: real });
    if (uses.length === 0) continue;
    index.setPod({ uid, namespace, name }, uses);
    pods.set(`${namespace}/${name}`, pod);
  }
  return { index, pods: [...pods.values()], podsWithSeveralLabels, pod: (key) => pods.get(key) };
}

function keyOf({ metadata }: { readonly metadata?: Pod["metadata"] }): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}
