import type { ConflictProperty } from "./conflict-rule.ts";

export interface ConflictMessage {
  readonly property: ConflictProperty;
  readonly value: string;
  readonly otherValue: string;
  /** Name of the other pod; undefined when it is in another namespace and must not be told. */
  readonly otherName: string | undefined;
  /** Further pods in conflict with this one that get no event of their own here. */
  readonly more: number;
}

/** Text of the event on one pod of a conflict, as upstream's controller words it. */
export function conflictMessage({ property, value, otherValue, otherName, more }: ConflictMessage): string {
  const other =
    otherName === undefined
      ? `another pod that uses the same volume as this pod with a different ${property}`
      : `pod ${otherName} that uses the same volume as this pod with ${property} "${otherValue}"`;
  const sentence = `${property} "${value}" conflicts with ${other}. If both pods land on the same node, only one of them may access the volume.`;
  return more === 0 ? sentence : `${sentence} The same holds for ${more} more pod${more === 1 ? "" : "s"}.`;
}
