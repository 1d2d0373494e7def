import { propertyValue, type ConflictProperty, type VolumeLabelling } from "./conflict-rule.ts";
import { createVolumeLabels, type VolumeLabels } from "./volume-labels.ts";

/** A pod by what stays the same while it lives; a pod made again under the same name is another one. */
export interface IndexedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface VolumeUse extends VolumeLabelling {
  /** Unique name of the volume in the cluster, e.g. `kubernetes.io/csi/driver^handle`. */
  readonly volume: string;
  /** Plugin, `kubernetes.io/csi/<driver>` for CSI. */
  readonly plugin: string;
  readonly persistentVolume?: string;
  readonly claim?: { readonly namespace: string; readonly name: string };
}

export interface ConflictPair {
  readonly property: ConflictProperty;
  readonly volume: string;
  readonly pod: IndexedPod;
  readonly value: string;
  readonly other: IndexedPod;
  readonly otherValue: string;
}

export interface VolumeConflicts {
  readonly volume: string;
  readonly plugin: string;
  readonly persistentVolume?: string;
  readonly claim?: { readonly namespace: string; readonly name: string };
  readonly pods: number;
  readonly conflictingPods: number;
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
}

export interface ConflictTotals {
  /** Unordered pairs of pods, counted once for each volume and property. */
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
  readonly volumes: number;
  readonly indexedVolumes: number;
  readonly indexedPods: number;
}

/**
 * Which pods of a cluster can not share their volumes on one node. Holds groups per volume, not pairs: one more pod costs
 * its own volumes, whatever the number of pods on them.
 */
export interface ConflictIndex {
  /** Replaces what is known of a pod. The answer says whether anything changed. */
  setPod(pod: IndexedPod, uses: readonly VolumeUse[]): boolean;
  removePod(uid: string): void;
  /** Whether volumes of a plugin are mounted with a context; those of others never conflict. @default false */
  setPluginSupport(plugin: string, supported: boolean): boolean;
  totals(): ConflictTotals;
  /** Volumes with a conflict, lazily. */
  volumes(): Generator<VolumeConflicts>;
  /** All conflicts in both directions, lazily and without repeats for one pair of pods and property. */
  pairs(): Generator<ConflictPair>;
  /** Conflicts of one pod with others, in one direction, lazily. */
  conflictsOf(uid: string): Generator<ConflictPair>;
  pod(uid: string): IndexedPod | undefined;
}

interface IndexedVolume {
  readonly use: VolumeUse;
  readonly labels: VolumeLabels;
}

interface PodEntry {
  readonly pod: IndexedPod;
  readonly uses: ReadonlyMap<string, VolumeUse>;
}

export function createConflictIndex(): ConflictIndex {
  const pods = new Map<string, PodEntry>();
  const volumes = new Map<string, IndexedVolume>();
  const byPlugin = new Map<string, Set<string>>();
  const supported = new Set<string>();
  const conflicting = new Set<string>();
  const pairTotals = { SELinuxLabel: 0, SELinuxChangePolicy: 0 };

  /** Runs a change of one volume and books its effect on the totals. */
  function change(name: string, volume: IndexedVolume, work: () => void): void {
    book(name, volume, -1);
    work();
    book(name, volume, 1);
    if (volume.labels.size > 0) return;
    volumes.delete(name);
    conflicting.delete(name);
    const siblings = byPlugin.get(volume.use.plugin);
    siblings?.delete(name);
    if (siblings?.size === 0) byPlugin.delete(volume.use.plugin);
  }

  function book(name: string, { use, labels }: IndexedVolume, sign: 1 | -1): void {
    if (!supported.has(use.plugin)) {
      conflicting.delete(name);
      return;
    }
    pairTotals.SELinuxLabel += sign * labels.pairs.SELinuxLabel;
    pairTotals.SELinuxChangePolicy += sign * labels.pairs.SELinuxChangePolicy;
    if (labels.pairs.SELinuxLabel + labels.pairs.SELinuxChangePolicy > 0) conflicting.add(name);
    else conflicting.delete(name);
  }

  function volumeFor(use: VolumeUse): IndexedVolume {
    const known = volumes.get(use.volume);
    if (known !== undefined) return known;
    const volume = { use, labels: createVolumeLabels() };
    volumes.set(use.volume, volume);
    const siblings = byPlugin.get(use.plugin) ?? new Set<string>();
    byPlugin.set(use.plugin, siblings.add(use.volume));
    return volume;
  }

  function leave(uid: string, name: string): void {
    const volume = volumes.get(name);
    if (volume !== undefined) change(name, volume, () => volume.labels.remove(uid));
  }

  function* conflictsOn(name: string, uid: string): Generator<ConflictPair> {
    const volume = volumes.get(name);
    const own = pods.get(uid);
    const labelling = volume?.labels.labellingOf(uid);
    if (volume === undefined || own === undefined || labelling === undefined || !supported.has(volume.use.plugin))
      return;
    for (const { member, properties } of volume.labels.conflictsOf(uid)) {
      const other = pods.get(member);
      const otherLabelling = volume.labels.labellingOf(member);
      if (other === undefined || otherLabelling === undefined) continue;
      for (const property of properties) {
        yield {
          property,
          volume: name,
          pod: own.pod,
          value: propertyValue(property, labelling),
          other: other.pod,
          otherValue: propertyValue(property, otherLabelling),
        };
      }
    }
  }

  return {
    setPod(pod, uses) {
      const wanted = new Map(uses.map((use) => [use.volume, use]));
      const before = pods.get(pod.uid)?.uses ?? new Map<string, VolumeUse>();
      pods.set(pod.uid, { pod, uses: wanted });
      let changed = false;
      for (const name of before.keys()) {
        if (wanted.has(name)) continue;
        leave(pod.uid, name);
        changed = true;
      }
      for (const [name, use] of wanted) {
        if (sameUse(before.get(name), use)) continue;
        const volume = volumeFor(use);
        change(name, volume, () => volume.labels.add(pod.uid, use));
        changed = true;
      }
      return changed;
    },
    removePod(uid) {
      for (const name of pods.get(uid)?.uses.keys() ?? []) leave(uid, name);
      pods.delete(uid);
    },
    setPluginSupport(plugin, supports) {
      if (supported.has(plugin) === supports) return false;
      const affected = [...(byPlugin.get(plugin) ?? [])].flatMap((name) => {
        const volume = volumes.get(name);
        return volume === undefined ? [] : [{ name, volume }];
      });
      for (const { name, volume } of affected) book(name, volume, -1);
      if (supports) supported.add(plugin);
      else supported.delete(plugin);
      for (const { name, volume } of affected) book(name, volume, 1);
      return true;
    },
    totals: () => ({
      pairs: { ...pairTotals },
      volumes: conflicting.size,
      indexedVolumes: volumes.size,
      indexedPods: pods.size,
    }),
    *volumes() {
      for (const name of conflicting) {
        const volume = volumes.get(name);
        if (volume === undefined) continue;
        const { plugin, persistentVolume, claim } = volume.use;
        yield {
          volume: name,
          plugin,
          ...(persistentVolume !== undefined && { persistentVolume }),
          ...(claim !== undefined && { claim }),
          pods: volume.labels.size,
          conflictingPods: volume.labels.conflictingMembers(),
          pairs: { ...volume.labels.pairs },
        };
      }
    },
    *pairs() {
      for (const name of conflicting) {
        for (const uid of volumes.get(name)?.labels.members() ?? []) {
          for (const pair of conflictsOn(name, uid)) {
            if (name === firstSharedConflict(pair)) yield pair;
          }
        }
      }
    },
    *conflictsOf(uid) {
      for (const name of pods.get(uid)?.uses.keys() ?? []) yield* conflictsOn(name, uid);
    },
    pod: (uid) => pods.get(uid)?.pod,
  };

  /** Two pods may share several volumes; the same property and values are told only for the first of them by name. */
  function firstSharedConflict({ pod, other, property, value, otherValue }: ConflictPair): string {
    const shared = [...(pods.get(pod.uid)?.uses.keys() ?? [])].filter(
      (name) => pods.get(other.uid)?.uses.has(name) === true,
    );
    if (shared.length === 1) return shared[0] ?? "";
    const same = shared.filter((name) => {
      const volume = volumes.get(name);
      const own = volume?.labels.labellingOf(pod.uid);
      const others = volume?.labels.labellingOf(other.uid);
      return (
        volume !== undefined &&
        supported.has(volume.use.plugin) &&
        own !== undefined &&
        others !== undefined &&
        propertyValue(property, own) === value &&
        propertyValue(property, others) === otherValue &&
        [...volume.labels.conflictsOf(pod.uid)].some(
          ({ member, properties }) => member === other.uid && properties.includes(property),
        )
      );
    });
    return same.sort()[0] ?? "";
  }
}

function sameUse(before: VolumeUse | undefined, after: VolumeUse): boolean {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after);
}
