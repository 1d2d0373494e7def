import { effectiveLabelling, partsConflict, type ConflictProperty, type VolumeLabelling } from "./conflict-rule.ts";

/** Members that agree in policy, level, user, role and type. */
interface LabelGroup {
  readonly labelling: VolumeLabelling;
  readonly members: Set<string>;
}

/** Members with the same level; few groups, whatever the number of members. */
interface LevelGroup {
  size: number;
  groups: readonly LabelGroup[];
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
  /**
   * The members in conflict with one, lazily.
   *
   * @param most only conflicts in a property of which the other has at most so many itself; the rest costs nothing.
   *   @default no limit
   */
  conflictsOf(member: string, most?: number): Generator<LabelConflict>;
  members(): Iterable<string>;
  membersInConflict(): Iterable<string>;
  labellingOf(member: string): VolumeLabelling | undefined;
}

export function createVolumeLabels(): VolumeLabels {
  return new GroupedLabels();
}

const BOTH: readonly ConflictProperty[] = ["SELinuxChangePolicy", "SELinuxLabel"];
const LABEL_ONLY: readonly ConflictProperty[] = ["SELinuxLabel"];
const POLICY_ONLY: readonly ConflictProperty[] = ["SELinuxChangePolicy"];

function propertiesOf(policy: boolean, label: boolean): readonly ConflictProperty[] {
  if (policy) return label ? BOTH : POLICY_ONLY;
  return label ? LABEL_ONLY : [];
}

/** A class, since a cluster has tens of thousands of volumes and closures for each would weigh more than the members. */
class GroupedLabels implements VolumeLabels {
  readonly pairs = { SELinuxLabel: 0, SELinuxChangePolicy: 0 };
  readonly #labellings = new Map<string, VolumeLabelling>();
  readonly #levels = new Map<string, LevelGroup>();
  #recursive: Set<string> | undefined;

  get size(): number {
    return this.#labellings.size;
  }

  add(member: string, wanted: VolumeLabelling): void {
    if (this.#labellings.has(member)) this.remove(member);
    const labelling = effectiveLabelling(wanted);
    this.#book(labelling, 1);
    if (labelling.policy === "Recursive") {
      this.#labellings.set(member, labelling);
      this.#recursive ??= new Set();
      this.#recursive.add(member);
      return;
    }
    const level = this.#levels.get(labelling.label.level) ?? { size: 0, groups: [] };
    this.#levels.set(labelling.label.level, level);
    level.size += 1;
    let group = groupOf(level, labelling);
    if (group === undefined) {
      group = { labelling, members: new Set() };
      level.groups = [...level.groups, group];
    }
    group.members.add(member);
    // All of a group share one value: less memory, and what is made of it is made once.
    this.#labellings.set(member, group.labelling);
  }

  remove(member: string): void {
    const labelling = this.#labellings.get(member);
    if (labelling === undefined) return;
    this.#labellings.delete(member);
    if (labelling.policy === "Recursive") this.#recursive?.delete(member);
    else {
      const level = this.#levels.get(labelling.label.level);
      const group = level === undefined ? undefined : groupOf(level, labelling);
      if (level !== undefined && group !== undefined) {
        level.size -= 1;
        group.members.delete(member);
        if (group.members.size === 0) level.groups = level.groups.filter((other) => other !== group);
        if (level.size === 0) this.#levels.delete(labelling.label.level);
      }
    }
    this.#book(labelling, -1);
  }

  conflictingMembers(): number {
    if (!this.#hasConflict()) return 0;
    if (this.#everybodyConflicts()) return this.size;
    return this.#conflictingGroups().reduce((sum, group) => sum + group.members.size, 0);
  }

  membersInConflict(): Iterable<string> {
    if (!this.#hasConflict()) return [];
    if (this.#everybodyConflicts()) return this.members();
    return this.#conflictingGroups().flatMap(({ members }) => [...members]);
  }

  conflictCountsOf(member: string): Readonly<Record<ConflictProperty, number>> {
    const own = this.#labellings.get(member);
    return own === undefined ? { SELinuxLabel: 0, SELinuxChangePolicy: 0 } : this.#count(own);
  }

  *conflictsOf(member: string, most = Number.POSITIVE_INFINITY): Generator<LabelConflict> {
    const own = this.#labellings.get(member);
    if (own === undefined) return;
    const recursive = this.#recursive?.size ?? 0;
    if (own.policy === "MountOption" && this.size - recursive <= most) {
      for (const other of this.#recursive ?? []) yield { member: other, properties: BOTH };
    }
    // All labelled members have the same number of conflicts by policy: with those that are relabelled.
    const byPolicy = own.policy === "Recursive" && recursive <= most;
    for (const [name, level] of this.#levels) {
      // Members of different levels always conflict, so that most groups are passed over without a look.
      const byLabel = this.size - level.size <= most;
      if (!byPolicy && !byLabel) continue;
      const isOtherLevel = own.policy === "Recursive" || name !== own.label.level;
      for (const group of level.groups) {
        if (!isOtherLevel && !partsConflict(group.labelling.label, own.label)) continue;
        const properties = propertiesOf(byPolicy, byLabel && this.#count(group.labelling).SELinuxLabel <= most);
        if (properties.length > 0) for (const other of group.members) yield { member: other, properties };
      }
    }
  }

  members(): Iterable<string> {
    return this.#labellings.keys();
  }

  labellingOf(member: string): VolumeLabelling | undefined {
    return this.#labellings.get(member);
  }

  /** Conflicts of someone with `labelling` among the members there are now. */
  #count(labelling: VolumeLabelling): Record<ConflictProperty, number> {
    const recursive = this.#recursive?.size ?? 0;
    const labelled = this.size - recursive;
    if (labelling.policy === "Recursive") return { SELinuxLabel: labelled, SELinuxChangePolicy: labelled };
    const level = this.#levels.get(labelling.label.level);
    let label = this.size - (level?.size ?? 0);
    for (const group of level?.groups ?? []) {
      if (partsConflict(group.labelling.label, labelling.label)) label += group.members.size;
    }
    return { SELinuxLabel: label, SELinuxChangePolicy: recursive };
  }

  #book(labelling: VolumeLabelling, sign: 1 | -1): void {
    const { SELinuxLabel, SELinuxChangePolicy } = this.#count(labelling);
    this.pairs.SELinuxLabel += sign * SELinuxLabel;
    this.pairs.SELinuxChangePolicy += sign * SELinuxChangePolicy;
  }

  #hasConflict(): boolean {
    return this.pairs.SELinuxLabel + this.pairs.SELinuxChangePolicy > 0;
  }

  /** Different levels always conflict, and labelled members with those that are relabelled. */
  #everybodyConflicts(): boolean {
    return this.#levels.size > 1 || ((this.#recursive?.size ?? 0) > 0 && this.#levels.size > 0);
  }

  /** Where all have one level. */
  #conflictingGroups(): readonly LabelGroup[] {
    const groups = this.#levels.values().next().value?.groups ?? [];
    return groups.filter((group) =>
      groups.some((other) => partsConflict(group.labelling.label, other.labelling.label)),
    );
  }
}

function groupOf({ groups }: LevelGroup, { label }: VolumeLabelling): LabelGroup | undefined {
  return groups.find(
    ({ labelling: { label: known } }) =>
      known.user === label.user && known.role === label.role && known.type === label.type,
  );
}
