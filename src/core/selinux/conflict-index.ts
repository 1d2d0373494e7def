import { createCountsByName } from "../../lib/counts-by-name.ts";
import type { ConflictProperty, VolumeLabelling } from "./conflict-rule.ts";
import { formatLabel, type SELinuxLabel } from "./label.ts";
import { mayBeUncertain } from "./uncertainty.ts";
import { type IndexedPod, isSameClaim, sameUse, type VolumeMember, type VolumeUse } from "./volume-use.ts";
import { createVolumeLabels, type VolumeLabels } from "./volume-labels.ts";

export interface ConflictPair {
  readonly property: ConflictProperty;
  readonly volume: string;
  readonly pod: IndexedPod;
  readonly value: string;
  readonly label: SELinuxLabel;
  readonly other: IndexedPod;
  readonly otherValue: string;
  readonly otherLabel: SELinuxLabel;
}

export interface VolumeConflicts {
  readonly volume: string;
  readonly plugin: string;
  /** How one of its pods uses it. */
  readonly use: VolumeUse;
  /** Whether pods may have come by different claims or PersistentVolumes, so that `use` does not stand for all. */
  readonly hasSeveralClaims: boolean;
  readonly pods: number;
  readonly conflictingPods: number;
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
}

export interface ConflictTotals {
  /** Unordered pairs of pods, counted once for each volume and property. */
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
  readonly volumes: number;
  /** Pods with at least one conflict. */
  readonly pods: number;
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
  isSupported(plugin: string): boolean;
  volumesOfPlugin(plugin: string): Iterable<string>;
  /** Costs what has changed since the last call, and the pods with several volumes. */
  totals(): ConflictTotals;
  hasConflict(volume: string): boolean;
  /** Volumes with a conflict, lazily. */
  volumes(): Generator<VolumeConflicts>;
  /** Pods of one volume, those without a conflict included. What changes while it is read may be missing, never doubled. */
  membersOf(volume: string): Generator<VolumeMember>;
  /** UIDs of those with a conflict on the volume. */
  conflictingMembersOf(volume: string): Iterable<string>;
  /** Volumes of which `uncertaintiesOf` may find something, those without a conflict included. */
  volumesInDoubt(): Generator<string>;
  /** The volumes of one pod. */
  usesOf(uid: string): Iterable<VolumeUse>;
  /** UIDs of pods with at least one conflict, each once, lazily. What changes while it is read may be missing. */
  podsInConflict(): Generator<string>;
  /** How many conflicts one pod has, by property and summed up over its volumes, without going through them. */
  conflictCountsOf(uid: string): Readonly<Record<ConflictProperty, number>>;
  /**
   * Conflicts of one pod with others, in one direction, volume by volume, lazily.
   *
   * @param most only conflicts in a property of which the other has at most so many itself on the volume. @default no limit
   */
  conflictsOf(uid: string, most?: number): Generator<ConflictPair>;
  pod(uid: string): IndexedPod | undefined;
}

interface IndexedVolume {
  readonly use: VolumeUse;
  readonly labels: VolumeLabels;
  hasSeveralClaims: boolean;
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
  /** UIDs of the pods in doubt, by volume. */
  const doubts = new Map<string, Set<string>>();
  const pairTotals = { SELinuxLabel: 0, SELinuxChangePolicy: 0 };
  /** Pods in conflict, by volume. */
  const conflictingMembers = createCountsByName();
  const podsWithSeveralVolumes = new Set<string>();
  const labelTexts = new WeakMap<VolumeLabelling, string>();

  /** Runs a change of one volume and books its effect on the totals. */
  function change(name: string, volume: IndexedVolume, work: () => void): void {
    book(name, volume, -1);
    work();
    book(name, volume, 1);
    if (volume.labels.size > 0) return;
    volumes.delete(name);
    conflicting.delete(name);
    conflictingMembers.forget(name);
    const siblings = byPlugin.get(volume.use.plugin);
    siblings?.delete(name);
    if (siblings?.size === 0) byPlugin.delete(volume.use.plugin);
  }

  function book(name: string, { use, labels }: IndexedVolume, sign: 1 | -1): void {
    conflictingMembers.changed(name);
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
    if (known !== undefined) {
      known.hasSeveralClaims ||= !isSameClaim(known.use, use);
      return known;
    }
    const volume = { use, labels: createVolumeLabels(), hasSeveralClaims: false };
    volumes.set(use.volume, volume);
    const siblings = byPlugin.get(use.plugin) ?? new Set<string>();
    byPlugin.set(use.plugin, siblings.add(use.volume));
    return volume;
  }

  function doubt(uid: string, use: VolumeUse): void {
    const known = doubts.get(use.volume);
    if (mayBeUncertain(use)) doubts.set(use.volume, (known ?? new Set<string>()).add(uid));
    else if (known?.delete(uid) === true && known.size === 0) doubts.delete(use.volume);
  }

  function leave(uid: string, name: string): void {
    const doubtful = doubts.get(name);
    if (doubtful?.delete(uid) === true && doubtful.size === 0) doubts.delete(name);
    const volume = volumes.get(name);
    if (volume !== undefined) change(name, volume, () => volume.labels.remove(uid));
  }

  /** What `propertyValue` says of a labelling that is effective already, made once. */
  function valueOf(property: ConflictProperty, labelling: VolumeLabelling): string {
    if (property === "SELinuxChangePolicy") return labelling.policy;
    let text = labelTexts.get(labelling);
    if (text === undefined) {
      text = formatLabel(labelling.label);
      labelTexts.set(labelling, text);
    }
    return text;
  }

  function* conflictsOn(name: string, uid: string, most: number | undefined): Generator<ConflictPair> {
    const volume = volumes.get(name);
    const own = pods.get(uid);
    const labelling = volume?.labels.labellingOf(uid);
    if (volume === undefined || own === undefined || labelling === undefined || !supported.has(volume.use.plugin))
      return;
    for (const { member, properties } of volume.labels.conflictsOf(uid, most)) {
      const other = pods.get(member);
      const otherLabelling = volume.labels.labellingOf(member);
      if (other === undefined || otherLabelling === undefined) continue;
      for (const property of properties) {
        yield {
          property,
          volume: name,
          pod: own.pod,
          value: valueOf(property, labelling),
          label: labelling.label,
          other: other.pod,
          otherValue: valueOf(property, otherLabelling),
          otherLabel: otherLabelling.label,
        };
      }
    }
  }

  return {
    setPod(pod, uses) {
      const wanted = new Map(uses.map((use) => [use.volume, use]));
      const before = pods.get(pod.uid)?.uses ?? new Map<string, VolumeUse>();
      pods.set(pod.uid, { pod, uses: wanted });
      if (wanted.size > 1) podsWithSeveralVolumes.add(pod.uid);
      else podsWithSeveralVolumes.delete(pod.uid);
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
        doubt(pod.uid, use);
        changed = true;
      }
      return changed;
    },
    removePod(uid) {
      for (const name of pods.get(uid)?.uses.keys() ?? []) leave(uid, name);
      pods.delete(uid);
      podsWithSeveralVolumes.delete(uid);
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
    isSupported: (plugin) => supported.has(plugin),
    volumesOfPlugin: (plugin) => [...(byPlugin.get(plugin) ?? [])],
    totals: () => ({
      pairs: { ...pairTotals },
      volumes: conflicting.size,
      pods: countPodsInConflict(),
      indexedVolumes: volumes.size,
      indexedPods: pods.size,
    }),
    hasConflict: (volume) => conflicting.has(volume),
    *volumes() {
      for (const name of conflicting) {
        const volume = volumes.get(name);
        if (volume === undefined) continue;
        yield {
          volume: name,
          plugin: volume.use.plugin,
          use: volume.use,
          hasSeveralClaims: volume.hasSeveralClaims,
          pods: volume.labels.size,
          conflictingPods: volume.labels.conflictingMembers(),
          pairs: { ...volume.labels.pairs },
        };
      }
    },
    *volumesInDoubt() {
      for (const name of doubts.keys()) {
        const plugin = volumes.get(name)?.use.plugin;
        if (plugin !== undefined && supported.has(plugin)) yield name;
      }
    },
    *membersOf(name) {
      for (const uid of [...(volumes.get(name)?.labels.members() ?? [])]) {
        const entry = pods.get(uid);
        const use = entry?.uses.get(name);
        if (entry !== undefined && use !== undefined) yield { pod: entry.pod, use };
      }
    },
    conflictingMembersOf: (name) =>
      conflicting.has(name) ? (volumes.get(name)?.labels.membersInConflict() ?? []) : [],
    usesOf: (uid) => pods.get(uid)?.uses.values() ?? [],
    *podsInConflict() {
      for (const name of conflicting) {
        for (const uid of volumes.get(name)?.labels.membersInConflict() ?? []) {
          if (!podsWithSeveralVolumes.has(uid) || volumesInConflictOf(uid).next().value === name) yield uid;
        }
      }
    },
    conflictCountsOf(uid) {
      const counts = { SELinuxLabel: 0, SELinuxChangePolicy: 0 };
      for (const name of pods.get(uid)?.uses.keys() ?? []) {
        const more = conflicting.has(name) ? volumes.get(name)?.labels.conflictCountsOf(uid) : undefined;
        counts.SELinuxLabel += more?.SELinuxLabel ?? 0;
        counts.SELinuxChangePolicy += more?.SELinuxChangePolicy ?? 0;
      }
      return counts;
    },
    *conflictsOf(uid, most) {
      for (const name of pods.get(uid)?.uses.keys() ?? []) yield* conflictsOn(name, uid, most);
    },
    pod: (uid) => pods.get(uid)?.pod,
  };

  function countPodsInConflict(): number {
    const count = conflictingMembers.total((name) =>
      conflicting.has(name) ? (volumes.get(name)?.labels.conflictingMembers() ?? 0) : 0,
    );
    let more = 0;
    for (const uid of podsWithSeveralVolumes) more += Math.max(0, [...volumesInConflictOf(uid)].length - 1);
    return count - more;
  }

  /** Volumes on which one pod has a conflict, in the order of its uses. */
  function* volumesInConflictOf(uid: string): Generator<string> {
    for (const name of pods.get(uid)?.uses.keys() ?? []) {
      if (!conflicting.has(name)) continue;
      const counts = volumes.get(name)?.labels.conflictCountsOf(uid);
      if ((counts?.SELinuxLabel ?? 0) + (counts?.SELinuxChangePolicy ?? 0) > 0) yield name;
    }
  }
}
