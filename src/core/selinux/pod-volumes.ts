import { isTerminalPhase } from "../../api/pod.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { contextOf } from "./applied-context.ts";
import { conflictsBetween } from "./conflict-rule.ts";
import type { ClaimName, VolumeUse } from "./volume-use.ts";
import { formatLabel } from "./label.ts";
import type { LabelDefaults } from "./label-defaults.ts";
import { type VolumeIdentity, volumeIdentityOf } from "./persistent-volume.ts";
import { RECURSIVE_LABELLING, type VolumeDemand, volumeDemandsOf } from "./volume-demand.ts";

/** What a pod's claims stand for, as far as it is known now. */
export interface VolumeLookups {
  /** @param key "namespace/name" */
  claim(key: string): PersistentVolumeClaim | undefined;
  persistentVolume(name: string): PersistentVolume | undefined;
}

/** One volume for which containers of one pod need different labels. */
export interface SeveralLabels {
  /** Name of the volume in the pod. */
  readonly podVolume: string;
  readonly plugin: string;
  /** As in `VolumeUse`. */
  readonly volume: string;
  readonly claim: ClaimName;
  readonly labels: readonly string[];
}

export interface PodVolumes {
  readonly uses: readonly VolumeUse[];
  readonly severalLabels: readonly SeveralLabels[];
}

const NOTHING: PodVolumes = { uses: [], severalLabels: [] };

/** Keys of the claims a pod refers to, those made for its ephemeral volumes included. */
export function claimKeysOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimKey(pod, volume) ?? []);
}

type PodVolume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];

function claimKey(pod: Pod, volume: PodVolume): string | undefined {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  if (volume.persistentVolumeClaim !== undefined) return `${namespace}/${volume.persistentVolumeClaim.claimName}`;
  return volume.ephemeral === undefined ? undefined : `${namespace}/${name}-${volume.name}`;
}

/**
 * The volumes of a pod that could ever be mounted with a context, with what it demands of them. Left out: inline volumes
 * (never mounted so), claims that are not bound yet, devices, and everything once the pod has finished.
 */
export function podVolumesOf(pod: Pod, lookups: VolumeLookups, defaults?: LabelDefaults): PodVolumes {
  const phase = pod.status?.phase;
  if (isTerminalPhase(phase) || pod.spec?.os?.name === "windows") return NOTHING;
  const claimed = (pod.spec?.volumes ?? []).flatMap((volume) => {
    const key = claimKey(pod, volume);
    const bound = key === undefined ? undefined : boundVolume(key, lookups);
    return bound === undefined ? [] : [{ volume, ...bound }];
  });
  if (claimed.length === 0) return NOTHING;
  const demands = volumeDemandsOf(pod);
  const uses = new Map<string, VolumeUse>();
  const severalLabels: SeveralLabels[] = [];
  for (const { volume, identity, claim, persistentVolume } of claimed) {
    const demand = demands.get(volume.name);
    if (demand === undefined) continue;
    if (demand.kind === "several-labels") {
      severalLabels.push({ podVolume: volume.name, ...identity, claim: nameOf(claim), labels: demand.labels });
      continue;
    }
    const use = { ...identity, ...useOf(demand, claim, persistentVolume, defaults) };
    const before = uses.get(identity.volume);
    if (before !== undefined && conflictsBetween(before, use).length > 0) {
      const labels = [formatLabel(before.label), formatLabel(use.label)].toSorted();
      severalLabels.push({ podVolume: volume.name, ...identity, claim: nameOf(claim), labels });
    } else uses.set(identity.volume, use);
  }
  return { uses: [...uses.values()], severalLabels };
}

function useOf(
  demand: Exclude<VolumeDemand, { kind: "several-labels" }>,
  claim: PersistentVolumeClaim,
  { metadata, spec }: PersistentVolume,
  defaults: LabelDefaults | undefined,
): Omit<VolumeUse, keyof VolumeIdentity> {
  const fixedContext = contextOf(spec?.mountOptions ?? []);
  const from = {
    persistentVolume: metadata?.name ?? "",
    claim: nameOf(claim),
    accessModes: spec?.accessModes ?? [],
    ...(fixedContext !== undefined && { fixedContext }),
  };
  if (demand.kind === "recursive") return { ...from, ...RECURSIVE_LABELLING, because: demand.because };
  const { policy, label } = demand.labelling;
  // The user reaches the files: with known defaults one that is given differs from one that is not.
  const user = label.user || (defaults?.file.user ?? "");
  return { ...from, policy, label: { ...label, user } };
}

function nameOf({ metadata }: PersistentVolumeClaim): ClaimName {
  return { namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" };
}

function boundVolume(
  key: string,
  lookups: VolumeLookups,
):
  | {
      readonly identity: VolumeIdentity;
      readonly claim: PersistentVolumeClaim;
      readonly persistentVolume: PersistentVolume;
    }
  | undefined {
  const claim = lookups.claim(key);
  const name = claim?.spec?.volumeName ?? "";
  const persistentVolume = name === "" ? undefined : lookups.persistentVolume(name);
  if (claim === undefined || persistentVolume === undefined) return undefined;
  const reference = persistentVolume.spec?.claimRef;
  const uid = reference?.uid;
  // A volume that was bound to an earlier claim of this name is not this claim's.
  if (uid !== undefined && claim.metadata?.uid !== undefined && uid !== claim.metadata.uid) return undefined;
  if (reference !== undefined && `${reference.namespace ?? ""}/${reference.name ?? ""}` !== key) return undefined;
  const identity = volumeIdentityOf(persistentVolume);
  return identity === undefined ? undefined : { identity, claim, persistentVolume };
}
