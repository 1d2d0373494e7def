import { compareQuantities } from "../lib/quantity.ts";
import { NO_RESOURCES, addResources, readResources } from "./pod-resources.ts";
import type { Resources } from "./pod-resources.ts";
import type { Pod, PodSpec } from "./types.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

type Written = Readonly<Record<string, string>>;

const COUNTED = ["cpu", "memory"] as const;

function positive(written: Written | undefined): Resources {
  const all = readResources(written);
  return new Map([...all].filter(([name, { nanos }]) => COUNTED.some((counted) => counted === name) && nanos > 0n));
}

function isComplete(limits: Resources): boolean {
  return COUNTED.every((name) => limits.has(name));
}

function isSame(a: Resources, b: Resources): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, amount]) => {
      const other = b.get(name);
      return other !== undefined && compareQuantities(amount, other) === 0;
    })
  );
}

/** The QoS class a pod's resources give it; ephemeral containers have none. */
export function computeQosClass(spec: PodSpec | undefined): QosClass {
  if (spec === undefined) return "BestEffort";
  const holders =
    spec.resources === undefined
      ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources)
      : [spec.resources];
  let requests = NO_RESOURCES;
  let limits = NO_RESOURCES;
  let isEachComplete = true;
  for (const resources of holders) {
    const own = positive(resources?.limits);
    requests = addResources(requests, positive(resources?.requests));
    limits = addResources(limits, own);
    isEachComplete &&= isComplete(own);
  }
  if (requests.size === 0 && limits.size === 0) return "BestEffort";
  return isEachComplete && isSame(requests, limits) ? "Guaranteed" : "Burstable";
}

/** The class recorded in the status, else computed. */
export function qosClassOf(pod: Pod): QosClass {
  const recorded = pod.status?.qosClass;
  return recorded === "Guaranteed" || recorded === "Burstable" || recorded === "BestEffort"
    ? recorded
    : computeQosClass(pod.spec);
}
