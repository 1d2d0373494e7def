import { isSidecar } from "../../api/pod.ts";
import type { Container, EphemeralContainer, Pod, Probe } from "../../api/types.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export const PROBE_KINDS = ["startup", "readiness", "liveness"] as const;

/** As events name them. */
export const PROBE_NAMES = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" } as const;

export function probeOf(container: Container | EphemeralContainer, kind: ProbeKind): Probe | undefined {
  return { startup: container.startupProbe, liveness: container.livenessProbe, readiness: container.readinessProbe }[
    kind
  ];
}

/** Main containers and sidecars; init containers that end and ephemeral ones are not probed. */
export function probedContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
}
