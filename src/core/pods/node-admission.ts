import type { Node, Pod } from "../../api/types.ts";
import { isStaticPod } from "../../api/pod.ts";
import {
  addQuantities,
  compareQuantities,
  milliUnits,
  type Quantity,
  wholeUnits,
  ZERO_QUANTITY,
} from "../../lib/quantity.ts";
import { matchesRequiredNodeAffinity } from "../scheduling/node-affinity.ts";
import { hostPortsOf, portsCollide, requestsOf, viewNode } from "../scheduling/node-view.ts";
import { untoleratedTaint } from "../scheduling/taints.ts";
import { missingFeatures } from "./required-features.ts";

export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly reason: string; readonly message: string };

const ADMITTED: Admission = { admitted: true };
const OS_LABEL = "kubernetes.io/os";

/**
 * Whether a pod that was bound to this node may really run on it: the scheduler knows the node from afar, and static
 * pods were never scheduled. The first reason against is given, with upstream's words.
 *
 * @param others pods that are alive on the node
 */
export function admitToNode(pod: Pod, node: Node, others: readonly Pod[]): Admission {
  const os = node.metadata?.labels?.[OS_LABEL] ?? "linux";
  const wantedLabel = pod.metadata?.labels?.[OS_LABEL];
  if (wantedLabel !== undefined && wantedLabel !== os) {
    return reject(
      "PodOSSelectorNodeLabelDoesNotMatch",
      "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    );
  }
  if (pod.spec?.os !== undefined && pod.spec.os.name !== "linux") {
    return reject("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
  }
  const strict = pod.spec?.securityContext?.supplementalGroupsPolicy === "Strict";
  if (strict && node.status?.features?.supplementalGroupsPolicy !== true) {
    return reject(
      "SupplementalGroupsPolicyNotSupported",
      "SupplementalGroupsPolicy=Strict is not supported in this node",
    );
  }
  const missing = pod.spec === undefined ? [] : missingFeatures(pod.spec, node);
  if (missing.length > 0) {
    return reject("PodFeatureUnsupported", `Pod requires node features that are not available: ${missing.join(", ")}`);
  }
  const shortage = findShortage(pod, node, others);
  if (shortage !== undefined) return shortage;
  if (pod.spec !== undefined && !matchesRequiredNodeAffinity(pod.spec, node)) {
    return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  }
  const { hostPorts } = viewNode(node, others);
  if (hostPortsOf(pod).some((wanted) => hostPorts.some((used) => portsCollide(wanted, used)))) {
    return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  }
  if (!isStaticPod(pod) && untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, ["NoExecute"]) !== undefined) {
    return predicate("TaintToleration", "node(s) had untolerated taint(s)");
  }
  return ADMITTED;
}

function reject(reason: string, message: string): Admission {
  return { admitted: false, reason, message };
}

function predicate(name: string, why: string): Admission {
  return reject(name, `Predicate ${name} failed: ${why}`);
}

const OUT_OF: Readonly<Record<string, string>> = {
  cpu: "OutOfcpu",
  memory: "OutOfmemory",
  "ephemeral-storage": "OutOfephemeral-storage",
  pods: "OutOfpods",
};

function findShortage(pod: Pod, node: Node, others: readonly Pod[]): Admission | undefined {
  const { allocatable, requested, pods } = viewNode(node, others);
  const capacity = wholeUnits(allocatable.get("pods") ?? ZERO_QUANTITY);
  if (BigInt(pods.length + 1) > capacity) return shortage("pods", 1n, BigInt(pods.length), capacity);
  for (const [name, wanted] of requestsOf(pod)) {
    const all = allocatable.get(name);
    // An extended resource the node knows nothing of is the cluster's business.
    if (wanted.nanos <= 0n || (all === undefined && OUT_OF[name] === undefined)) continue;
    const used = requested.get(name) ?? ZERO_QUANTITY;
    const total = all ?? ZERO_QUANTITY;
    if (compareQuantities(addQuantities(used, wanted), total) <= 0) continue;
    const count = (amount: Quantity): bigint => (name === "cpu" ? milliUnits(amount) : wholeUnits(amount));
    return shortage(name, count(wanted), count(used), count(total));
  }
  return undefined;
}

function shortage(name: string, wanted: bigint, used: bigint, capacity: bigint): Admission {
  return reject(
    OUT_OF[name] ?? `OutOf${name}`,
    `Node didn't have enough resource: ${name}, requested: ${wanted}, used: ${used}, capacity: ${capacity}`,
  );
}
