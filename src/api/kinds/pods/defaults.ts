import { containerLimits, containerRequests, isPodLevelResource, writeResources } from "../../pod-resources.ts";
import type { KubernetesObject, Pod, PodSpec } from "../../types.ts";
import { changeEach, fill } from "../fill.ts";
import { defaultContainer, hostPortsFromPorts, requestsFromLimits } from "./default-container.ts";
import { roundToMilli } from "../round-amounts.ts";
import { defaultVolume } from "./default-volume.ts";

/** Seconds. */
const GRACE_PERIOD = 30;

/** The old name of the field always says the same as the new one. */
function withServiceAccount(spec: PodSpec): PodSpec {
  const name = spec.serviceAccountName ?? spec.serviceAccount;
  return name === undefined ? spec : { ...spec, serviceAccountName: name, serviceAccount: name };
}

/** Defaults of a pod spec wherever it stands: in pods and in templates. */
export function defaultPodSpec(given: PodSpec): PodSpec {
  let spec: PodSpec = fill(given, {
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    securityContext: {},
    terminationGracePeriodSeconds: GRACE_PERIOD,
    schedulerName: "default-scheduler",
  });
  spec = changeEach(spec, "containers", defaultContainer);
  spec = changeEach(spec, "initContainers", defaultContainer);
  spec = changeEach(spec, "ephemeralContainers", defaultContainer);
  spec = changeEach(spec, "volumes", defaultVolume);
  spec = withServiceAccount(spec);
  return spec.overhead === undefined ? spec : { ...spec, overhead: roundToMilli(spec.overhead) };
}

type Amounts = Readonly<Record<string, string>>;

function isOvercommittable(name: string): boolean {
  return !name.startsWith("hugepages-");
}

/** Pod-level huge page limits follow from the containers'. */
function podLevelLimits(spec: PodSpec): Amounts {
  const { limits = {}, requests = {} } = spec.resources ?? {};
  const missing = Object.entries(writeResources(containerLimits(spec))).filter(
    ([name]) => name.startsWith("hugepages-") && limits[name] === undefined && requests[name] === undefined,
  );
  return { ...Object.fromEntries(missing), ...limits };
}

/** Pod-level requests follow from the containers', or else from the pod's own limits. */
function podLevelRequests(spec: PodSpec, limits: Amounts): Amounts {
  const fromContainers = Object.entries(writeResources(containerRequests(spec))).filter(
    ([name]) => isPodLevelResource(name) && isOvercommittable(name),
  );
  const fromLimits = Object.entries(limits).filter(([name]) => isPodLevelResource(name));
  return { ...Object.fromEntries(fromLimits), ...Object.fromEntries(fromContainers), ...spec.resources?.requests };
}

function defaultPodLevelResources(spec: PodSpec): PodSpec {
  const { resources } = spec;
  if (resources === undefined) return spec;
  if (Object.keys(resources.limits ?? {}).length + Object.keys(resources.requests ?? {}).length === 0) return spec;
  const limits = podLevelLimits(spec);
  if (Object.keys(limits).length === 0) return spec;
  return { ...spec, resources: { ...resources, limits, requests: podLevelRequests(spec, limits) } };
}

/** Defaults of a pod. Amounts must be readable quantities (see checkFields). */
export function defaultPod(object: KubernetesObject): KubernetesObject {
  const pod = object as Pod;
  if (pod.spec === undefined) return object;
  let spec: PodSpec = changeEach(pod.spec, "containers", requestsFromLimits);
  spec = changeEach(spec, "initContainers", requestsFromLimits);
  spec = defaultPodLevelResources(spec);
  if (spec.enableServiceLinks === undefined) spec = { ...spec, enableServiceLinks: true };
  if (spec.hostNetwork === true) {
    spec = changeEach(spec, "containers", hostPortsFromPorts);
    spec = changeEach(spec, "initContainers", hostPortsFromPorts);
  }
  // Upstream reads it so; in templates it stays as it is.
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec = { ...spec, terminationGracePeriodSeconds: 1 };
  return { ...object, spec: defaultPodSpec(spec) };
}
