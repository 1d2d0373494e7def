import { conflictMessage } from "../../core/selinux/conflict-message.ts";
import type { ConflictIndex, ConflictPair } from "../../core/selinux/conflict-index.ts";
import type { ConflictProperty } from "../../core/selinux/conflict-rule.ts";
import { type LabelDefaults, processLabelText } from "../../core/selinux/label-defaults.ts";

/** One thing to tell a pod's user. */
export interface Told {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The same for the same thing, in every process. */
  readonly identity: string;
}

/** Remembers what pods were told of their conflicts, so that each is told once. */
export interface ConflictEvents {
  /** What is to be told of this pod now; counts as told. */
  next(uid: string): readonly Told[];
  forget(uid: string): void;
}

export interface ConflictEventsOptions {
  readonly defaults?: LabelDefaults;
}

interface PodMemory {
  readonly others: Map<ConflictProperty, Set<string>>;
  readonly summarised: Set<ConflictProperty>;
}

/** Conflicts that a pod is told of one by one, for each property; with more it gets one event that counts them. */
export const TOLD_ONE_BY_ONE = 4;

const PROPERTIES: readonly ConflictProperty[] = ["SELinuxLabel", "SELinuxChangePolicy"];
/** How far the first pod of the same namespace is looked for, since only such a one may be named. */
const LOOK_AHEAD = 20;

export function createConflictEvents(index: ConflictIndex, options: ConflictEventsOptions = {}): ConflictEvents {
  const { defaults } = options;
  const memories = new Map<string, PodMemory>();

  const remembered = (uid: string): PodMemory => {
    const known = memories.get(uid);
    if (known !== undefined) return known;
    const memory: PodMemory = { others: new Map(), summarised: new Set() };
    memories.set(uid, memory);
    return memory;
  };

  const tell = (pair: ConflictPair, more: number): Told => {
    const { property, pod, value, label, other, otherValue, otherLabel } = pair;
    const isLabel = property === "SELinuxLabel";
    return {
      type: "Normal",
      reason: `${property}Conflict`,
      message: conflictMessage({
        property,
        value: isLabel ? processLabelText(label, defaults) : value,
        otherValue: isLabel ? processLabelText(otherLabel, defaults) : otherValue,
        otherName: other.namespace === pod.namespace ? other.name : undefined,
        more,
      }),
      identity: [pod.uid, property, more > 0 ? "" : other.uid].join("/"),
    };
  };

  const nextOf = (uid: string, property: ConflictProperty, count: number, memory: PodMemory): readonly Told[] => {
    if (count > TOLD_ONE_BY_ONE) {
      if (memory.summarised.has(property)) return [];
      const first = nameable(index.conflictsOf(uid), property);
      if (first === undefined) return [];
      memory.summarised.add(property);
      return [tell(first, count - 1)];
    }
    memory.summarised.delete(property);
    const others = memory.others.get(property) ?? new Set<string>();
    memory.others.set(property, others);
    const now = [...index.conflictsOf(uid)].filter((pair) => pair.property === property);
    const fresh = now.filter(({ other }) => !others.has(other.uid));
    // Those that are gone will not come back under the same UID.
    others.clear();
    for (const { other } of now) others.add(other.uid);
    return [...new Map(fresh.map((pair) => [pair.other.uid, pair])).values()].map((pair) => tell(pair, 0));
  };

  return {
    next(uid) {
      const counts = index.conflictCountsOf(uid);
      return PROPERTIES.flatMap((property) =>
        counts[property] === 0 ? [] : nextOf(uid, property, counts[property], remembered(uid)),
      );
    },
    forget: (uid) => {
      memories.delete(uid);
    },
  };
}

function nameable(conflicts: Iterable<ConflictPair>, property: ConflictProperty): ConflictPair | undefined {
  let first: ConflictPair | undefined;
  let seen = 0;
  for (const pair of conflicts) {
    if (pair.property !== property) continue;
    if (pair.other.namespace === pair.pod.namespace) return pair;
    first ??= pair;
    if (++seen >= LOOK_AHEAD) break;
  }
  return first;
}
