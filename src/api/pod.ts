import type { Container, EphemeralContainer, Pod, PodCondition, PodSpec } from "./types.ts";

export const MIRROR_POD_ANNOTATION = "kubernetes.io/config.mirror";
export const CONFIG_SOURCE_ANNOTATION = "kubernetes.io/config.source";

/** A pod object that stands for a static pod of some node. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
}

/** A pod that came from the node itself (file or URL), not from the API. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.[CONFIG_SOURCE_ANNOTATION];
  return source !== undefined && source !== "api";
}

/** Its containers have ended for good. */
export function podIsTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function podIsReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** An init container that keeps running beside the others ("sidecar"). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

export type ContainerGroup = "initContainers" | "containers" | "ephemeralContainers";

export interface PlacedContainer {
  readonly container: Container | EphemeralContainer;
  readonly group: ContainerGroup;
  /** Field path inside the pod, e.g. `spec.initContainers[1]`. */
  readonly field: string;
}

/** Every container of a pod: init containers first, ephemeral ones last. @param root @default "spec" */
export function containersOf(spec: PodSpec | undefined, root = "spec"): readonly PlacedContainer[] {
  const groups: readonly ContainerGroup[] = ["initContainers", "containers", "ephemeralContainers"];
  return groups.flatMap((group) =>
    (spec?.[group] ?? []).map((container, index) => ({ container, group, field: `${root}.${group}[${index}]` })),
  );
}
