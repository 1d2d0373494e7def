import type { Container, CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { contextOf } from "../../core/selinux/applied-context.ts";

// A cluster has many pods and most of a pod says nothing about labels: only what conflicts are found from is kept.

export function keptOfPod({ metadata, spec, status }: Pod): Pod {
  const volumes = (spec?.volumes ?? []).filter(
    (volume) => volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined,
  );
  const kept = {
    metadata: keptOfMetadata(metadata),
    ...(status?.phase !== undefined && { status: { phase: status.phase } }),
  };
  if (spec === undefined || volumes.length === 0) return kept;
  const names = new Set(volumes.map(({ name }) => name));
  const { securityContext, initContainers = [], ephemeralContainers = [], os } = spec;
  const { seLinuxChangePolicy, seLinuxOptions } = securityContext ?? {};
  const containers = [...(spec.containers ?? []), ...initContainers, ...ephemeralContainers].flatMap((container) =>
    keptOfContainer(container, names),
  );
  return {
    ...kept,
    spec: {
      containers,
      volumes: volumes.map(({ name, persistentVolumeClaim }) =>
        persistentVolumeClaim === undefined
          ? { name, ephemeral: {} }
          : { name, persistentVolumeClaim: { claimName: persistentVolumeClaim.claimName } },
      ),
      ...((seLinuxChangePolicy !== undefined || seLinuxOptions !== undefined) && {
        securityContext: {
          ...(seLinuxChangePolicy !== undefined && { seLinuxChangePolicy }),
          ...(seLinuxOptions !== undefined && { seLinuxOptions }),
        },
      }),
      ...(os !== undefined && { os }),
    },
  };
}

function keptOfContainer(
  { name, volumeMounts = [], securityContext }: Pick<Container, "name" | "volumeMounts" | "securityContext">,
  volumes: ReadonlySet<string>,
): readonly Container[] {
  const mounts = volumeMounts.filter((mount) => volumes.has(mount.name));
  if (mounts.length === 0) return [];
  const { seLinuxOptions } = securityContext ?? {};
  return [
    {
      name,
      volumeMounts: mounts.map((mount) => ({ name: mount.name, mountPath: mount.mountPath })),
      ...(seLinuxOptions !== undefined && { securityContext: { seLinuxOptions } }),
    },
  ];
}

export function keptOfClaim({ metadata, spec }: PersistentVolumeClaim): PersistentVolumeClaim {
  return {
    metadata: keptOfMetadata(metadata),
    spec: spec?.volumeName === undefined ? {} : { volumeName: spec.volumeName },
  };
}

export function keptOfPersistentVolume(volume: PersistentVolume): PersistentVolume {
  const { metadata, spec } = volume;
  if (spec === undefined) return { metadata: keptOfMetadata(metadata) };
  const { csi, capacity: _, nodeAffinity: __, mountOptions = [], ...rest } = spec;
  const fixed = mountOptions.filter((option) => contextOf([option]) !== undefined);
  return {
    metadata: keptOfMetadata(metadata),
    spec: {
      ...rest,
      ...(fixed.length > 0 && { mountOptions: fixed }),
      ...(csi !== undefined && { csi: { driver: csi.driver, volumeHandle: csi.volumeHandle } }),
    },
  };
}

export function keptOfDriver({ metadata, spec }: CSIDriver): CSIDriver {
  return { metadata: keptOfMetadata(metadata), spec: { seLinuxMount: spec?.seLinuxMount === true } };
}

function keptOfMetadata(metadata: Pod["metadata"]): NonNullable<Pod["metadata"]> {
  const { name, namespace, uid, resourceVersion, ownerReferences, labels } = metadata ?? {};
  const hash = labels?.["pod-template-hash"];
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(ownerReferences !== undefined && { ownerReferences }),
    ...(hash !== undefined && { labels: { "pod-template-hash": hash } }),
  };
}
