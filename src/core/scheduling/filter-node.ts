import { compareQuantities, subtractQuantities, wholeUnits, ZERO_QUANTITY } from "../../lib/quantity.ts";
import type { Pod } from "../../api/types.ts";
import { missingFeatures } from "../pods/required-features.ts";
import { FITS, type FilterVerdict, neverFits, pushedOut } from "./filter-verdict.ts";
import { matchesRequiredNodeAffinity } from "./node-affinity.ts";
import { hostPortsOf, type NodeView, portsCollide, requestsOf } from "./node-view.ts";
import { isTolerated, untoleratedTaint } from "./taints.ts";
import { NO_VOLUME_RULES, type VolumeRules } from "./volume-rules.ts";

const UNSCHEDULABLE_TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;

/** Upstream's filters in upstream's order; the first that says no gives the reasons. */
const FILTERS: readonly ((pod: Pod, view: NodeView) => FilterVerdict)[] = [
  (pod, { node }) =>
    node.spec?.unschedulable === true &&
    !(pod.spec?.tolerations ?? []).some((toleration) => isTolerated(UNSCHEDULABLE_TAINT, toleration))
      ? neverFits("node(s) were unschedulable")
      : FITS,
  (pod, { node }) => {
    const wanted = pod.spec?.nodeName ?? "";
    return wanted === "" || wanted === node.metadata?.name
      ? FITS
      : neverFits("node(s) didn't match the requested node name");
  },
  (pod, { node }) =>
    untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, ["NoSchedule", "NoExecute"]) === undefined
      ? FITS
      : neverFits("node(s) had untolerated taint(s)"),
  (pod, { node }) =>
    pod.spec === undefined || matchesRequiredNodeAffinity(pod.spec, node)
      ? FITS
      : neverFits("node(s) didn't match Pod's node affinity/selector"),
  (pod, { hostPorts }) =>
    hostPortsOf(pod).some((wanted) => hostPorts.some((used) => portsCollide(wanted, used)))
      ? pushedOut("node(s) didn't have free ports for the requested pod ports")
      : FITS,
  filterResources,
];

/** @param volumes what the pod's volumes ask for */
export function filterNode(pod: Pod, view: NodeView, volumes: VolumeRules = NO_VOLUME_RULES): FilterVerdict {
  for (const filter of FILTERS) {
    const verdict = filter(pod, view);
    if (!verdict.fits) return verdict;
  }
  const verdict = volumes.check(view);
  return verdict.fits ? filterFeatures(pod, view) : verdict;
}

function filterFeatures({ spec }: Pod, { node }: NodeView): FilterVerdict {
  return spec === undefined || missingFeatures(spec, node).length === 0
    ? FITS
    : neverFits("node(s) didn't match Pod's required features");
}

function filterResources(pod: Pod, { pods, allocatable, requested }: NodeView): FilterVerdict {
  const reasons: string[] = [];
  let removingPodsMayHelp = true;
  if (BigInt(pods.length + 1) > wholeUnits(allocatable.get("pods") ?? ZERO_QUANTITY)) reasons.push("Too many pods");
  for (const [name, wanted] of requestsOf(pod)) {
    if (wanted.nanos <= 0n) continue;
    const all = allocatable.get(name) ?? ZERO_QUANTITY;
    const free = subtractQuantities(all, requested.get(name) ?? ZERO_QUANTITY);
    if (compareQuantities(wanted, free) <= 0) continue;
    reasons.push(`Insufficient ${name}`);
    if (compareQuantities(wanted, all) > 0) removingPodsMayHelp = false;
  }
  return reasons.length === 0 ? FITS : { fits: false, reasons, removingPodsMayHelp };
}
