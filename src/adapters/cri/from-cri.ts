import type * as port from "../../ports/container-runtime.ts";
import * as cri from "./generated/cri.ts";

/** CRI messages into our words: nanoseconds become milliseconds, numbers of enumerations become names. */

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

export function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / NANOSECONDS_PER_MILLISECOND);
}

function metadata(found: cri.PodSandboxMetadata | undefined): port.SandboxConfig["metadata"] {
  return {
    name: found?.name ?? "",
    namespace: found?.namespace ?? "",
    uid: found?.uid ?? "",
    attempt: found?.attempt ?? 0,
  };
}

/** `network` is absent in lists. */
export function fromSandbox(
  sandbox: cri.PodSandbox | cri.PodSandboxStatus,
  network?: cri.PodSandboxNetworkStatus,
): port.SandboxStatus {
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter((ip) => ip !== "");
  return {
    id: sandbox.id,
    metadata: metadata(sandbox.metadata),
    ready: sandbox.state === cri.PodSandboxState.SANDBOX_READY,
    createdAt: milliseconds(sandbox.createdAt),
    ips,
    labels: sandbox.labels,
    annotations: sandbox.annotations,
    runtimeHandler: sandbox.runtimeHandler,
  };
}

const STATES: readonly port.RuntimeContainerState[] = ["created", "running", "exited", "unknown"];

export function fromContainer(container: cri.Container): port.RuntimeContainer {
  return {
    id: container.id,
    sandboxId: container.podSandboxId,
    metadata: { name: container.metadata?.name ?? "", attempt: container.metadata?.attempt ?? 0 },
    state: STATES[container.state] ?? "unknown",
    image: userSpecified(container.image),
    imageRef: container.imageRef,
    imageId: container.imageId,
    labels: container.labels,
    annotations: container.annotations,
    createdAt: milliseconds(container.createdAt),
  };
}

function userSpecified(image: cri.ImageSpec | undefined): string {
  if (image === undefined) return "";
  return image.userSpecifiedImage === "" ? image.image : image.userSpecifiedImage;
}

export function fromContainerStatus(
  status: cri.ContainerStatus,
  info: { readonly pid?: number; readonly sandboxId?: string },
): port.RuntimeContainerStatus {
  const { user, resources } = status;
  return {
    id: status.id,
    sandboxId: info.sandboxId ?? "",
    metadata: { name: status.metadata?.name ?? "", attempt: status.metadata?.attempt ?? 0 },
    state: STATES[status.state] ?? "unknown",
    image: status.image?.image ?? "",
    imageRef: status.imageRef,
    imageId: status.imageId,
    labels: status.labels,
    annotations: status.annotations,
    createdAt: milliseconds(status.createdAt),
    startedAt: milliseconds(status.startedAt),
    finishedAt: milliseconds(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    logPath: status.logPath,
    mounts: status.mounts.map(fromMount),
    ...(user?.linux !== undefined && {
      user: {
        uid: Number(user.linux.uid),
        gid: Number(user.linux.gid),
        supplementalGroups: user.linux.supplementalGroups.map(Number),
      },
    }),
    ...(resources?.linux !== undefined && { resources: fromResources(resources.linux) }),
    ...(info.pid !== undefined && { pid: info.pid }),
  };
}

const PROPAGATION = ["private", "host-to-container", "bidirectional"] as const;

function fromMount(mount: cri.Mount): port.ContainerMount {
  return {
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    readOnly: mount.readonly,
    recursiveReadOnly: mount.recursiveReadOnly,
    seLinuxRelabel: mount.selinuxRelabel,
    propagation: PROPAGATION[mount.propagation] ?? "private",
    ...(mount.uidMappings.length > 0 && { uidMappings: mount.uidMappings }),
    ...(mount.gidMappings.length > 0 && { gidMappings: mount.gidMappings }),
  };
}

function fromResources(found: cri.LinuxContainerResources): port.ContainerResources {
  return {
    cpuShares: Number(found.cpuShares),
    cpuQuota: Number(found.cpuQuota),
    cpuPeriod: Number(found.cpuPeriod),
    memoryLimitBytes: Number(found.memoryLimitInBytes),
    oomScoreAdj: Number(found.oomScoreAdj),
    ...(found.cpusetCpus !== "" && { cpusetCpus: found.cpusetCpus }),
    ...(Object.keys(found.unified).length > 0 && { unified: found.unified }),
  };
}

export function fromImage(image: cri.Image): port.RuntimeImage {
  return {
    id: image.id,
    tags: image.repoTags,
    digests: image.repoDigests,
    sizeBytes: Number(image.size),
    ...(image.uid !== undefined && { uid: Number(image.uid.value) }),
    username: image.username,
    pinned: image.pinned,
  };
}

export function fromStats(stats: cri.ContainerStats): port.ContainerStats {
  const newest = [stats.cpu?.timestamp, stats.memory?.timestamp, stats.writableLayer?.timestamp].reduce<bigint>(
    (latest, time) => (time !== undefined && time > latest ? time : latest),
    0n,
  );
  return {
    containerId: stats.attributes?.id ?? "",
    labels: stats.attributes?.labels ?? {},
    timestamp: milliseconds(newest),
    ...whenKnown("cpuUsageNanoseconds", stats.cpu?.usageCoreNanoSeconds),
    ...whenKnown("memoryWorkingSetBytes", stats.memory?.workingSetBytes),
    ...whenKnown("memoryUsageBytes", stats.memory?.usageBytes),
    ...whenKnown("memoryRssBytes", stats.memory?.rssBytes),
    ...whenKnown("writableLayerUsedBytes", stats.writableLayer?.usedBytes),
    ...whenKnown("writableLayerInodes", stats.writableLayer?.inodesUsed),
  };
}

function whenKnown<Name extends string>(
  name: Name,
  value: cri.UInt64Value | undefined,
): { readonly [K in Name]?: number } {
  const known: { [K in Name]?: number } = {};
  if (value !== undefined) known[name] = Number(value.value);
  return known;
}
