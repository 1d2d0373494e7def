import { effectiveLabelling, partsConflict, type ConflictProperty, type VolumeLabelling } from "./conflict-rule.ts";
import type { SELinuxLabel } from "./label.ts";

/** Members that agree in policy, level, user, role and type. */
interface LabelGroup {
  readonly labelling: VolumeLabelling;
  readonly members: Set<string>;
}

/** Members with the same level; few groups, whatever the number of members. */
interface LevelGroup {
  size: number;
  readonly groups: Map<string, LabelGroup>;
}

export interface LabelConflict {
  readonly member: string;
  readonly properties: readonly ConflictProperty[];
}

/**
 * The members of one volume, grouped so that adding or removing one costs the groups of its own level, not the members:
 * different levels always conflict, so only within a level anything has to be compared.
 */
export interface VolumeLabels {
  add(member: string, labelling: VolumeLabelling): void;
  remove(member: string): void;
  readonly size: number;
  /** Unordered pairs of members in conflict, by property. Kept up to date, read in O(1). */
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
  /** Members with at least one conflict. Costs the groups of one level. */
  conflictingMembers(): number;
  /** How many members one is in conflict with, by property. Costs the groups of its level. */
  conflictCountsOf(member: string): Readonly<Record<ConflictProperty, number>>;
  /** The members in conflict with one, lazily. */
  conflictsOf(member: string): Generator<LabelConflict>;
  members(): Iterable<string>;
  membersInConflict(): Iterable<string>;
  labellingOf(member: string): VolumeLabelling | undefined;
}

export function createVolumeLabels(): VolumeLabels {
  const labellings = new Map<string, VolumeLabelling>();
  const recursive = new Set<string>();
  const levels = new Map<string, LevelGroup>();
  const pairs = { SELinuxLabel: 0, SELinuxChangePolicy: 0 };

  /** Conflicts of someone with `labelling` among the members there are now. */
  function count(labelling: VolumeLabelling): Record<ConflictProperty, number> {
    const labelled = labellings.size - recursive.size;
    if (labelling.policy === "Recursive") return { SELinuxLabel: labelled, SELinuxChangePolicy: labelled };
    const level = levels.get(labelling.label.level);
    let label = labellings.size - (level?.size ?? 0);
    for (const group of level?.groups.values() ?? []) {
      if (partsConflict(group.labelling.label, labelling.label)) label += group.members.size;
    }
    return { SELinuxLabel: label, SELinuxChangePolicy: recursive.size };
  }

  /** Different levels always conflict, and labelled members with those that are relabelled. */
  function everybodyConflicts(): boolean {
    return levels.size > 1 || (recursive.size > 0 && levels.size > 0);
  }

  /** Where all have one level. */
  function conflictingGroups(): readonly LabelGroup[] {
    const groups = [...(levels.values().next().value?.groups.values() ?? [])];
    return groups.filter((group) =>
      groups.some((other) => partsConflict(group.labelling.label, other.labelling.label)),
    );
  }

  return {
    add(member, wanted) {
      if (labellings.has(member)) this.remove(member);
      const labelling = effectiveLabelling(wanted);
      const more = count(labelling);
      pairs.SELinuxLabel += more.SELinuxLabel;
      pairs.SELinuxChangePolicy += more.SELinuxChangePolicy;
      if (labelling.policy === "Recursive") {
        labellings.set(member, labelling);
        recursive.add(member);
        return;
      }
      const level = levels.get(labelling.label.level) ?? { size: 0, groups: new Map<string, LabelGroup>() };
      levels.set(labelling.label.level, level);
      level.size += 1;
      const key = partsKey(labelling.label);
      const group = level.groups.get(key) ?? { labelling, members: new Set<string>() };
      level.groups.set(key, group);
      group.members.add(member);
      // All of a group share one value: less memory, and what is made of it is made once.
      labellings.set(member, group.labelling);
    },
    remove(member) {
      const labelling = labellings.get(member);
      if (labelling === undefined) return;
      labellings.delete(member);
      if (labelling.policy === "Recursive") recursive.delete(member);
      else {
        const level = levels.get(labelling.label.level);
        const key = partsKey(labelling.label);
        const group = level?.groups.get(key);
        if (level !== undefined && group !== undefined) {
          level.size -= 1;
          group.members.delete(member);
          if (group.members.size === 0) level.groups.delete(key);
          if (level.size === 0) levels.delete(labelling.label.level);
        }
      }
      const less = count(labelling);
      pairs.SELinuxLabel -= less.SELinuxLabel;
      pairs.SELinuxChangePolicy -= less.SELinuxChangePolicy;
    },
    get size() {
      return labellings.size;
    },
    pairs,
    conflictingMembers() {
      if (pairs.SELinuxLabel + pairs.SELinuxChangePolicy === 0) return 0;
      if (everybodyConflicts()) return labellings.size;
      return conflictingGroups().reduce((sum, group) => sum + group.members.size, 0);
    },
    membersInConflict() {
      if (pairs.SELinuxLabel + pairs.SELinuxChangePolicy === 0) return [];
      return everybodyConflicts() ? labellings.keys() : conflictingGroups().flatMap(({ members }) => [...members]);
    },
    conflictCountsOf(member) {
      const own = labellings.get(member);
      return own === undefined ? { SELinuxLabel: 0, SELinuxChangePolicy: 0 } : count(own);
    },
    *conflictsOf(member) {
      const own = labellings.get(member);
      if (own === undefined) return;
      if (own.policy === "MountOption") {
        for (const other of recursive) yield { member: other, properties: ["SELinuxChangePolicy", "SELinuxLabel"] };
      }
      for (const [name, level] of levels) {
        const otherLevel = own.policy === "Recursive" || name !== own.label.level;
        for (const group of level.groups.values()) {
          if (!otherLevel && !partsConflict(group.labelling.label, own.label)) continue;
          const properties: readonly ConflictProperty[] =
            own.policy === "Recursive" ? ["SELinuxChangePolicy", "SELinuxLabel"] : ["SELinuxLabel"];
          for (const other of group.members) yield { member: other, properties };
        }
      }
    },
    members: () => labellings.keys(),
    labellingOf: (member) => labellings.get(member),
  };
}

function partsKey({ user, role, type }: SELinuxLabel): string {
  return JSON.stringify([user, role, type]);
}
