import type { ObjectMeta, OwnerReference } from "../../api/types.ts";

export const ORPHAN_FINALIZER = "orphan";
export const FOREGROUND_FINALIZER = "foregroundDeletion";

/**
 * What is known of an owner. "waiting": it is being deleted in the foreground and waits for its dependents. "solid": it
 * exists and does not. "absent" needs proof; what can not be told is not decided.
 */
export type OwnerState = "solid" | "waiting" | "absent";

export interface KnownOwner {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
}

/** Dependents of an object, as far as deciding needs them. */
export interface Dependent {
  readonly uid: string;
  /** Its reference says that the owner may not go before it. */
  readonly blocks: boolean;
  readonly waitsForItsOwn: boolean;
}

export type GarbageDecision =
  | { readonly do: "nothing"; readonly because: "no-owners" | "owned" | "going" }
  /** Some owners are gone or going: the others keep the object, those references are dropped. */
  | { readonly do: "drop-references"; readonly uids: readonly string[] }
  | {
      readonly do: "delete";
      readonly policy: "Background" | "Foreground" | "Orphan";
      /** It and a dependent wait for each other: its own references must stop blocking first. */
      readonly unblockFirst: boolean;
    };

/** What becomes of an object that is not waiting for anything itself, by its owners. */
export function decideGarbage(
  metadata: ObjectMeta,
  owners: readonly KnownOwner[],
  dependents: readonly Dependent[],
): GarbageDecision {
  if (metadata.deletionTimestamp !== undefined) return { do: "nothing", because: "going" };
  if (owners.length === 0) return { do: "nothing", because: "no-owners" };
  const leaving = owners.filter(({ state }) => state !== "solid");
  if (leaving.length < owners.length) {
    return leaving.length === 0
      ? { do: "nothing", because: "owned" }
      : { do: "drop-references", uids: leaving.map(({ reference }) => reference.uid) };
  }
  if (owners.some(({ state }) => state === "waiting") && dependents.length > 0) {
    const unblockFirst = dependents.some(({ waitsForItsOwn }) => waitsForItsOwn);
    return { do: "delete", policy: "Foreground", unblockFirst };
  }
  return { do: "delete", policy: policyOf(metadata), unblockFirst: false };
}

export type WaitingDecision =
  | { readonly do: "orphan-dependents" }
  | { readonly do: "release"; readonly finalizer: typeof ORPHAN_FINALIZER | typeof FOREGROUND_FINALIZER }
  /** These still block; they are to be looked at. */
  | { readonly do: "wait"; readonly for: readonly string[] };

/** What becomes of an object that is being deleted but waits because of its dependents; undefined when it does not. */
export function decideWaiting(metadata: ObjectMeta, dependents: readonly Dependent[]): WaitingDecision | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (hasFinalizer(metadata, ORPHAN_FINALIZER)) {
    return dependents.length > 0 ? { do: "orphan-dependents" } : { do: "release", finalizer: ORPHAN_FINALIZER };
  }
  if (!hasFinalizer(metadata, FOREGROUND_FINALIZER)) return undefined;
  const blocking = dependents.filter(({ blocks }) => blocks);
  return blocking.length === 0
    ? { do: "release", finalizer: FOREGROUND_FINALIZER }
    : { do: "wait", for: blocking.filter(({ waitsForItsOwn }) => !waitsForItsOwn).map(({ uid }) => uid) };
}

/** Deleted in the foreground, and not gone because of dependents. */
export function isWaitingForDependents(metadata: ObjectMeta): boolean {
  return metadata.deletionTimestamp !== undefined && hasFinalizer(metadata, FOREGROUND_FINALIZER);
}

export function hasFinalizer(metadata: ObjectMeta, finalizer: string): boolean {
  return (metadata.finalizers ?? []).includes(finalizer);
}

function policyOf(metadata: ObjectMeta): "Background" | "Foreground" | "Orphan" {
  if (hasFinalizer(metadata, ORPHAN_FINALIZER)) return "Orphan";
  return hasFinalizer(metadata, FOREGROUND_FINALIZER) ? "Foreground" : "Background";
}
