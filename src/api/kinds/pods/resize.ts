import { forbiddenField, invalidValue, when } from "../../field-error.ts";
import { computeQosClass, qosClassOf } from "../../pod-qos.ts";
import { isMirrorPod, isSidecar } from "../../pod.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { Container, KubernetesObject, Pod, PodSpec } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import { rulesFor, validatePodItself } from "./validate-pod.ts";

type Resources = NonNullable<Container["resources"]>;
type Amounts = Readonly<Record<string, string>>;

function withResources(container: Container, sent: Container | undefined): Container {
  if (sent === undefined) return container;
  return {
    ...container,
    ...(sent.resources !== undefined && { resources: sent.resources }),
    ...(sent.resizePolicy !== undefined && { resizePolicy: sent.resizePolicy }),
  };
}

/** What a write to pods/resize stores: the old pod with the containers' and the pod's resources that were sent. */
export function withResizedResources(sent: KubernetesObject, old: KubernetesObject): KubernetesObject {
  const [pod, before] = [sent as Pod, old as Pod];
  if (before.spec === undefined) return old;
  const take = (group: "containers" | "initContainers"): readonly Container[] =>
    (before.spec?.[group] ?? []).map((container) =>
      withResources(
        container,
        pod.spec?.[group]?.find(({ name }) => name === container.name),
      ),
    );
  const resources = pod.spec?.resources ?? before.spec.resources;
  return {
    ...old,
    ...(sent.metadata !== undefined && { metadata: sent.metadata }),
    spec: {
      ...before.spec,
      containers: take("containers"),
      ...(before.spec.initContainers !== undefined && { initContainers: take("initContainers") }),
      ...(resources !== undefined && { resources }),
    },
  };
}

function areRemoved(next: Amounts | undefined, old: Amounts | undefined): boolean {
  return Object.keys(old ?? {}).some((name) => next?.[name] === undefined);
}

function removalErrors(next: Resources | undefined, old: Resources | undefined, field: string): readonly FieldError[] {
  return [
    ...when(
      areRemoved(next?.requests, old?.requests),
      forbiddenField(`${field}.requests`, "resource requests cannot be removed"),
    ),
    ...when(
      areRemoved(next?.limits, old?.limits),
      forbiddenField(`${field}.limits`, "resource limits cannot be removed"),
    ),
  ];
}

function masked(amounts: Amounts | undefined, old: Amounts | undefined): Amounts {
  const { cpu: _, memory: __, ...rest } = amounts ?? {};
  const { cpu, memory } = old ?? {};
  return { ...rest, ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}

/** The container with its new cpu and memory taken back: whatever still differs was not to be changed. */
function maskedContainer(container: Container, old: Container): Container {
  const limits = masked(container.resources?.limits, old.resources?.limits);
  const requests = masked(container.resources?.requests, old.resources?.requests);
  return { ...container, resources: { limits, requests } };
}

function isChanged(container: Container, old: Container): boolean {
  return !deepEqual(normalize("V1Container", container), normalize("V1Container", old));
}

const FIXED = "only cpu and memory resources are mutable";

function containerErrors(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  return [
    ...old.containers.flatMap((before, i) => {
      const after = spec.containers[i] ?? before;
      return [
        ...removalErrors(after.resources, before.resources, `spec.containers[${i}].resources`),
        ...when(isChanged(maskedContainer(after, before), before), forbiddenField("spec", FIXED)),
      ];
    }),
    ...(old.initContainers ?? []).flatMap((before, i) => {
      const after = spec.initContainers?.[i] ?? before;
      const at = `spec.initContainers[${i}]`;
      if (!isSidecar(before)) {
        const text = "resources for non-sidecar init containers are immutable";
        return when(isChanged(after, before), forbiddenField("spec", text));
      }
      const text = "only cpu and memory resources for init or sidecar containers are mutable";
      return [
        ...removalErrors(after.resources, before.resources, `${at}.resources`),
        ...when(isChanged(maskedContainer(after, before), before), forbiddenField(at, text)),
      ];
    }),
  ];
}

function podLevelErrors(spec: PodSpec, old: PodSpec, context: KindContext): readonly FieldError[] {
  const isSet = (resources: PodSpec["resources"]): boolean =>
    Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
  if (!isSet(spec.resources) && !isSet(old.resources)) return [];
  if (!context.gates.enabled("InPlacePodLevelResourcesVerticalScaling")) {
    const text =
      "resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled";
    return [forbiddenField("", text)];
  }
  const field = "spec.resources";
  return [
    ...when(
      areRemoved(spec.resources?.requests, old.resources?.requests),
      forbiddenField(`${field}.requests`, "pod-level resource requests cannot be removed"),
    ),
    ...when(
      areRemoved(spec.resources?.limits, old.resources?.limits),
      forbiddenField(`${field}.limits`, "pod-level resource limits cannot be removed"),
    ),
  ];
}

/** A resize changes cpu and memory of running containers, nothing else, and never the QoS class. */
export function validateResize(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  context: KindContext,
): readonly FieldError[] {
  const [pod, old] = [object as Pod, oldObject as Pod];
  if (isMirrorPod(old)) return [forbiddenField("", "static pods cannot be resized")];
  if (old.spec?.os?.name === "windows") return [forbiddenField("", "windows pods cannot be resized")];
  if (pod.spec === undefined || old.spec === undefined) return [];
  const running = (old.status?.containerStatuses ?? []).find(({ state }) => state?.running !== undefined);
  const isUnsupported = running !== undefined && running.resources === undefined;
  const qosText = "Pod QOS Class may not change as a result of resizing";
  return [
    ...validatePodItself(pod, old, rulesFor(context, old.spec)),
    ...when(qosClassOf(old) !== computeQosClass(pod.spec), invalidValue("spec", pod.status?.qosClass ?? "", qosText)),
    ...when(isUnsupported, forbiddenField("spec", "Pod running on node without support for resize")),
    ...podLevelErrors(pod.spec, old.spec, context),
    ...containerErrors(pod.spec, old.spec),
  ];
}
