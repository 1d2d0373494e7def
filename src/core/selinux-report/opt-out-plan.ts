import type { Pod } from "../../api/types.ts";
import type { ConflictIndex, VolumeUse } from "../selinux/conflict-index.ts";
import { effectiveLabelling } from "../selinux/conflict-rule.ts";
import { type OwnerOf, type Workload, workloadKey, workloadOf } from "./workload.ts";

export interface OptOutInput {
  readonly index: ConflictIndex;
  /** All pods that are indexed. */
  readonly pods: Iterable<Pod>;
  readonly ownerOf?: OwnerOf;
}

/** Which conflicts to settle; a conflict is chosen as a whole, and with all it touches. Absent fields choose all. */
export interface OptOutChoice {
  readonly namespace?: string;
  /** "namespace/name" of a claim. */
  readonly claim?: string;
  /** "namespace/Kind/name", in any case. */
  readonly workload?: string;
  /** Whole namespaces are opted out, as a policy does, so that what their other workloads share has to follow. */
  readonly wholeNamespaces?: boolean;
}

export interface PlannedWorkload {
  readonly workload: Workload;
  /** Why it is part of the plan. */
  readonly because: "in-conflict" | "shares-volume" | "in-namespace";
  /** Volumes it shares with others of the plan. */
  readonly volumes: readonly string[];
  /** It has opted out already: nothing to do. */
  readonly done: boolean;
  /** Its pods ask for MountOption themselves, which policies for pods without a choice of their own leave alone. */
  readonly setsMountOption: boolean;
}

interface Node {
  readonly workload: Workload;
  readonly volumes: Set<string>;
  /** Volumes it wants mounted with a label. */
  readonly labelled: Set<string>;
  optedOut: boolean;
  setsMountOption: boolean;
}

/**
 * The workloads that have to be opted out together: opting out one user of a volume makes it conflict with every labelled
 * user of its volumes, so these follow, and those they share volumes with, until nothing is left half.
 */
export function planOptOut(input: OptOutInput, choice: OptOutChoice = {}): readonly PlannedWorkload[] {
  const nodes = nodesOf(input);
  const byVolume = new Map<string, Node[]>();
  const byNamespace = new Map<string, Node[]>();
  for (const node of nodes) {
    for (const volume of node.volumes) push(byVolume, volume, node);
    push(byNamespace, node.workload.namespace, node);
  }
  const plan = new Map<Node, PlannedWorkload["because"]>();
  const open: Node[] = [];
  const take = (node: Node, because: PlannedWorkload["because"]): void => {
    if (plan.has(node)) return;
    plan.set(node, because);
    open.push(node);
  };
  for (const volume of chosenVolumes(input, byVolume, choice)) {
    for (const node of byVolume.get(volume) ?? []) take(node, "in-conflict");
  }
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (choice.wholeNamespaces === true) {
      for (const other of byNamespace.get(node.workload.namespace) ?? []) take(other, "in-namespace");
    }
    for (const volume of node.volumes) {
      for (const other of byVolume.get(volume) ?? []) if (other.labelled.has(volume)) take(other, "shares-volume");
    }
  }
  return [...plan]
    .map(([{ workload, volumes, optedOut, setsMountOption }, because]) => ({
      workload,
      because,
      volumes: [...volumes].filter((volume) => (byVolume.get(volume)?.length ?? 0) > 1).toSorted(),
      done: optedOut,
      setsMountOption,
    }))
    .toSorted((one, two) => (workloadKey(one.workload) < workloadKey(two.workload) ? -1 : 1));
}

function nodesOf({ index, pods, ownerOf }: OptOutInput): readonly Node[] {
  const nodes = new Map<string, Node>();
  for (const pod of pods) {
    const uses = [...index.usesOf(pod.metadata?.uid ?? "")].filter(({ plugin }) => index.isSupported(plugin));
    if (uses.length === 0) continue;
    const workload = workloadOf(pod, ownerOf);
    const key = workloadKey(workload);
    const node = nodes.get(key) ?? {
      workload,
      volumes: new Set(),
      labelled: new Set(),
      optedOut: true,
      setsMountOption: false,
    };
    nodes.set(key, node);
    if (pod.spec?.securityContext?.seLinuxChangePolicy === "MountOption") node.setsMountOption = true;
    for (const use of uses) add(node, use);
  }
  return [...nodes.values()];
}

function add(node: Node, use: VolumeUse): void {
  node.volumes.add(use.volume);
  if (effectiveLabelling(use).policy === "MountOption") node.labelled.add(use.volume);
  if (use.because !== "opted-out") node.optedOut = false;
}

function chosenVolumes(
  { index }: OptOutInput,
  byVolume: ReadonlyMap<string, readonly Node[]>,
  { namespace, claim, workload }: OptOutChoice,
): readonly string[] {
  return [...index.volumes()].flatMap(({ volume }) => {
    const users = byVolume.get(volume) ?? [];
    const isWorkload = ({ workload: { namespace: where, kind, name } }: Node): boolean =>
      workload === undefined || `${where}/${kind}/${name}`.toLowerCase() === workload.toLowerCase();
    if (!users.some(isWorkload)) return [];
    if (namespace !== undefined && !users.some((user) => user.workload.namespace === namespace)) return [];
    if (claim !== undefined) {
      const claims = [...index.membersOf(volume)].map(({ use }) => `${use.claim?.namespace}/${use.claim?.name}`);
      if (!claims.includes(claim)) return [];
    }
    return [volume];
  });
}

function push(map: Map<string, Node[]>, key: string, node: Node): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [node]);
  else list.push(node);
}
