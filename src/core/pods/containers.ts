import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";

export type ContainerKind = "init" | "container" | "ephemeral";

export interface SpecContainer {
  readonly kind: ContainerKind;
  readonly container: Container | EphemeralContainer;
}

/** All containers of a pod in the order they start. */
export function allContainers(pod: Pod): readonly SpecContainer[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [
    ...initContainers.map((container) => ({ kind: "init", container }) as const),
    ...containers.map((container) => ({ kind: "container", container }) as const),
    ...ephemeralContainers.map((container) => ({ kind: "ephemeral", container }) as const),
  ];
}

export function findContainer(pod: Pod, name: string): SpecContainer | undefined {
  return allContainers(pod).find(({ container }) => container.name === name);
}

/** Where the container stands in the spec, as events name it: `spec.containers{web}`. */
export function fieldPathOf({ kind, container }: SpecContainer): string {
  const list = { init: "initContainers", container: "containers", ephemeral: "ephemeralContainers" }[kind];
  return `spec.${list}{${container.name}}`;
}

/** "web_default(4b2e…)": how a pod is named in events and errors. */
export function describePod(pod: Pod): string {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  return `${name}_${namespace}(${uid})`;
}

/**
 * A short digest of what may change while a container runs and must then restart it: its name and image. Kept in an
 * annotation of the container, so that a kubelet started later still sees the difference.
 */
export function containerHash(container: Container | EphemeralContainer): string {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(JSON.stringify([container.name, container.image ?? ""]))) {
    hash = Math.imul(hash ^ unit, 0x01000193) >>> 0;
  }
  return hash.toString(16);
}
