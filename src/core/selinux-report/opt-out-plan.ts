import type { Pod } from "../../api/types.ts";
import type { ConflictIndex } from "../selinux/conflict-index.ts";
import type { VolumeUse } from "../selinux/volume-use.ts";
import { effectiveLabelling } from "../selinux/conflict-rule.ts";
import { uncertaintiesOf } from "../selinux/uncertainty.ts";
import type { ReportInput } from "./report.ts";
import { type OwnerOf, type Workload, workloadKey, workloadOf } from "./workload.ts";

export interface OptOutInput {
  readonly index: ConflictIndex;
  /** All pods that are indexed. */
  readonly pods: Iterable<Pod>;
  readonly podsWithSeveralLabels: ReportInput["podsWithSeveralLabels"];
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
  readonly because: "in-conflict" | "uncertain" | "shares-volume" | "in-namespace";
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
  for (const [volume, because] of chosenVolumes(input, byVolume, choice)) {
    for (const node of byVolume.get(volume) ?? []) take(node, because);
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

function nodesOf({ index, pods, podsWithSeveralLabels, ownerOf }: OptOutInput): readonly Node[] {
  const nodes = new Map<string, Node>();
  const nodeOf = (pod: Pod): Node => {
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
    return node;
  };
  for (const pod of pods) {
    const uses = [...index.usesOf(pod.metadata?.uid ?? "")].filter(({ plugin }) => index.isSupported(plugin));
    if (uses.length === 0) continue;
    const node = nodeOf(pod);
    for (const use of uses) add(node, use);
  }
  // Their containers' labels exclude each other, so the index has nothing to compare.
  for (const { pod, volumes } of podsWithSeveralLabels) {
    const node = nodeOf(pod);
    node.optedOut = false;
    for (const { volume } of volumes) {
      node.volumes.add(volume);
      node.labelled.add(volume);
    }
  }
  return [...nodes.values()];
}

function add(node: Node, use: VolumeUse): void {
  node.volumes.add(use.volume);
  if (effectiveLabelling(use).policy === "MountOption") node.labelled.add(use.volume);
  if (use.because !== "opted-out") node.optedOut = false;
}

/** What has to be settled and was chosen. */
function chosenVolumes(
  input: OptOutInput,
  byVolume: ReadonlyMap<string, readonly Node[]>,
  { namespace, claim, workload }: OptOutChoice,
): readonly (readonly [volume: string, because: "in-conflict" | "uncertain"])[] {
  const { index } = input;
  const several = input.podsWithSeveralLabels.flatMap(({ volumes }) => volumes);
  const reasons = new Map<string, "in-conflict" | "uncertain">();
  for (const volume of index.volumesInDoubt()) {
    if (uncertaintiesOf(index.membersOf(volume)).size > 0) reasons.set(volume, "uncertain");
  }
  for (const { volume } of [...index.volumes(), ...several]) reasons.set(volume, "in-conflict");
  return [...reasons].filter(([volume]) => {
    const users = byVolume.get(volume) ?? [];
    const isWorkload = ({ workload: { namespace: where, kind, name } }: Node): boolean =>
      workload === undefined || `${where}/${kind}/${name}`.toLowerCase() === workload.toLowerCase();
    if (!users.some(isWorkload)) return false;
    if (namespace !== undefined && !users.some((user) => user.workload.namespace === namespace)) return false;
    if (claim === undefined) return true;
    const claims = [
      ...[...index.membersOf(volume)].map(({ use }) => use.claim),
      ...several.filter((one) => one.volume === volume).map((one) => one.claim),
    ];
    return claims.some((one) => `${one?.namespace}/${one?.name}` === claim);
  });
}

function push(map: Map<string, Node[]>, key: string, node: Node): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [node]);
  else list.push(node);
}
