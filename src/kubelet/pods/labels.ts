import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";
import { containerHash } from "../../core/pods/containers.ts";
import type { KeyValue } from "../../ports/container-runtime.ts";

/** Labels and annotations by which a kubelet finds its pods again in the runtime; the names are upstream's. */
const POD_NAME = "io.kubernetes.pod.name";
const POD_NAMESPACE = "io.kubernetes.pod.namespace";
export const POD_UID = "io.kubernetes.pod.uid";
export const CONTAINER_NAME = "io.kubernetes.container.name";
const CONTAINER_HASH = "io.kubernetes.container.hash";
export const TERMINATION_MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath";
export const TERMINATION_MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy";
export const POD_TERMINATION_GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod";
const POD_DELETION_GRACE_PERIOD = "io.kubernetes.pod.deletionGracePeriod";
const RESTART_COUNT = "io.kubernetes.container.restartCount";
export const PRE_STOP_HANDLER = "io.kubernetes.container.preStopHandler";
const PORTS = "io.kubernetes.container.ports";

/** A container's hash annotation made by another kubelet is a different digest: it says nothing here. */
const HASH_BY = "orlop.dev/container-hash";

function identity(pod: Pod): KeyValue {
  return {
    [POD_NAME]: pod.metadata?.name ?? "",
    [POD_NAMESPACE]: pod.metadata?.namespace ?? "",
    [POD_UID]: pod.metadata?.uid ?? "",
  };
}

export function sandboxLabels(pod: Pod): KeyValue {
  return { ...pod.metadata?.labels, ...identity(pod) };
}

export function containerLabels(pod: Pod, container: Container | EphemeralContainer): KeyValue {
  return { ...identity(pod), [CONTAINER_NAME]: container.name };
}

export function containerAnnotations(
  pod: Pod,
  container: Container | EphemeralContainer,
  restartCount: number,
): KeyValue {
  const deletionGrace = pod.metadata?.deletionGracePeriodSeconds;
  const grace = pod.spec?.terminationGracePeriodSeconds;
  const preStop = container.lifecycle?.preStop;
  return {
    [CONTAINER_HASH]: containerHash(container),
    [HASH_BY]: containerHash(container),
    [RESTART_COUNT]: String(restartCount),
    [TERMINATION_MESSAGE_PATH]: container.terminationMessagePath ?? "/dev/termination-log",
    [TERMINATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? "File",
    ...(deletionGrace !== undefined && { [POD_DELETION_GRACE_PERIOD]: String(deletionGrace) }),
    ...(grace !== undefined && { [POD_TERMINATION_GRACE_PERIOD]: String(grace) }),
    ...(preStop !== undefined && { [PRE_STOP_HANDLER]: JSON.stringify(preStop) }),
    ...((container.ports ?? []).length > 0 && { [PORTS]: JSON.stringify(container.ports) }),
  };
}

/** The digest this kubelet recorded, "" when somebody else made the container. */
export function recordedHash(annotations: KeyValue): string {
  return annotations[HASH_BY] ?? "";
}
