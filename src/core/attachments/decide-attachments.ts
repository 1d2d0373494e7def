import type { Pod } from "../../api/types.ts";

/** One volume on one node, as far as the API tells. */
export interface NodeUse {
  readonly node: string;
  /** Pods there that need the volume. */
  readonly pods: readonly Pod[];
  readonly attachment: "none" | "attaching" | "attached" | "detaching";
  /** The node says that it has mounted it, or is about to. */
  readonly isMounted: boolean;
  /** "unreachable": not ready, or gone. "out-of-service": an administrator says that it is off. */
  readonly health: "ready" | "unreachable" | "out-of-service";
  /** Milliseconds for which no pod there needed it; 0 while one does. */
  readonly unusedMs: number;
}

export type AttachmentDecision =
  | { readonly do: "attach"; readonly node: string }
  | {
      readonly do: "detach";
      readonly node: string;
      /** Even if the node did not say that it let go. */
      readonly isForced: boolean;
    }
  /** The node has not let go; `forceInMs` tells when that stops to matter, absent for never. */
  | { readonly do: "await-unmount"; readonly node: string; readonly forceInMs?: number }
  /** Somebody else has it: pods there wait. */
  | { readonly do: "refuse"; readonly node: string; readonly heldBy: readonly NodeUse[] }
  | { readonly do: "nothing"; readonly node: string; readonly because: "as-wanted" | "under-way" };

/** A node that does not answer is given this long to let go of a volume. */
export const FORCE_AFTER_MS = 360_000;

/**
 * What becomes of a volume on each node that has it or wants it. A volume that may not be shared is with one node at a time:
 * it goes to the next when the last has let go.
 *
 * @param uses at most one entry a node
 */
export function decideAttachments(uses: readonly NodeUse[], isSharable: boolean): readonly AttachmentDecision[] {
  let isTaken = uses.some(({ attachment }) => attachment !== "none");
  return [...uses].sort(compareWaiting).map((use): AttachmentDecision => {
    const { node, pods, attachment } = use;
    if (pods.length === 0) return attachment === "none" ? nothing(node) : decideUnused(use);
    if (attachment === "attached") return nothing(node);
    if (attachment !== "none") return { do: "nothing", node, because: "under-way" };
    if (isTaken && !isSharable) {
      return { do: "refuse", node, heldBy: uses.filter((other) => other.node !== node) };
    }
    isTaken = true;
    return { do: "attach", node };
  });
}

function nothing(node: string): AttachmentDecision {
  return { do: "nothing", node, because: "as-wanted" };
}

function decideUnused({ node, attachment, isMounted, health, unusedMs }: NodeUse): AttachmentDecision {
  if (attachment === "detaching") return { do: "nothing", node, because: "under-way" };
  if (health === "out-of-service") return { do: "detach", node, isForced: true };
  if (!isMounted) return { do: "detach", node, isForced: false };
  if (health === "ready") return { do: "await-unmount", node };
  if (unusedMs > FORCE_AFTER_MS) return { do: "detach", node, isForced: true };
  return { do: "await-unmount", node, forceInMs: FORCE_AFTER_MS - unusedMs + 1 };
}

/** Who came first gets it. */
function compareWaiting(a: NodeUse, b: NodeUse): number {
  const first = ({ pods }: NodeUse): number =>
    Math.min(...pods.map(({ metadata }) => Date.parse(metadata?.creationTimestamp ?? "") || 0));
  return first(a) - first(b) || (a.node < b.node ? -1 : 1);
}

/** Why a pod does not get a volume that another node has; pods of other namespaces are only counted. */
export function multiAttachText(volume: string, pod: Pod, heldBy: readonly NodeUse[]): string {
  const users = heldBy.flatMap(({ pods }) => pods);
  const isLocal = (user: Pod): boolean => user.metadata?.namespace === pod.metadata?.namespace;
  const names = users.filter(isLocal).map(({ metadata }) => metadata?.name ?? "");
  const others = users.length - names.length;
  const subject = `Multi-Attach error for volume "${volume}" Volume is already`;
  if (users.length === 0) return `${subject} exclusively attached to one node and can't be attached to another`;
  if (names.length === 0) return `${subject} used by ${others} pod(s) in different namespaces`;
  const known = `${subject} used by pod(s) ${names.join(", ")}`;
  return others === 0 ? known : `${known} and ${others} pod(s) in different namespaces`;
}
