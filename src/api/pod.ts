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

export function isTerminalPhase(phase: string | undefined): phase is "Succeeded" | "Failed" {
  return phase === "Succeeded" || phase === "Failed";
}

/** Its containers have ended for good. */
export function podIsTerminal(pod: Pod): boolean {
  return isTerminalPhase(pod.status?.phase);
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** A sidecar: an init container that keeps running beside the main ones (KEP-753). */
export function isSidecar(container: Container | EphemeralContainer): boolean {
  return container.restartPolicy === "Always";
}

/** Every container of a pod: init containers first, ephemeral ones last. */
export function containersOf(spec: PodSpec | undefined): readonly (Container | EphemeralContainer)[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}
