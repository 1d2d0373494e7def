import { isSidecar } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";
import type { KillReason } from "./container-kill.ts";
import { allContainers, findContainer } from "./containers.ts";

/** A container gets this long at least, so that it is not killed without a chance. */
export const SHORTEST_GRACE_SECONDS = 2;

/** Seconds a container has between the request to stop and being killed. */
export function graceSecondsFor(pod: Pod, containerName: string, reason: KillReason | undefined): number {
  const fromDeletion = pod.metadata?.deletionGracePeriodSeconds;
  if (fromDeletion !== undefined) return fromDeletion;
  const fromSpec = pod.spec?.terminationGracePeriodSeconds;
  if (fromSpec === undefined) return SHORTEST_GRACE_SECONDS;
  const container = findContainer(pod, containerName)?.container;
  const probe =
    reason === "liveness-probe"
      ? container?.livenessProbe
      : reason === "startup-probe"
        ? container?.startupProbe
        : undefined;
  return probe?.terminationGracePeriodSeconds ?? fromSpec;
}

/**
 * Which containers must have ended before this one is asked to stop: sidecars outlive the main containers, and end in
 * the reverse of the order they started in (KEP-753). Everybody else need not wait.
 */
export function stopsAfter(pod: Pod, containerName: string): readonly string[] {
  const initContainers = pod.spec?.initContainers ?? [];
  const index = initContainers.findIndex(({ name }) => name === containerName);
  const self = initContainers[index];
  if (self === undefined || !isSidecar(self)) return [];
  const main = allContainers(pod).filter(({ kind }) => kind === "container");
  const later = initContainers.slice(index + 1).filter(isSidecar);
  return [...main.map(({ container }) => container.name), ...later.map(({ name }) => name)];
}
