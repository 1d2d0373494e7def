import type { CSIDriver, PersistentVolume, Pod, Volume } from "../../api/types.ts";

interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** A CSI volume as the kubelet mounts it, whether it stands in the pod or in a persistent volume. */
export interface CsiSource {
  readonly driver: string;
  readonly handle: string;
  readonly mode: "Persistent" | "Ephemeral";
  /** Name of the persistent volume, or of the pod's inline volume. */
  readonly specName: string;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly mountOptions: readonly string[];
  readonly accessModes: readonly string[];
  readonly stageSecret?: SecretName;
  readonly publishSecret?: SecretName;
  readonly expandSecret?: SecretName;
}

/** The source of a persistent volume; undefined when it is not CSI. @param readOnly what the pod's claim volume says */
export function persistentCsiSource({ metadata, spec }: PersistentVolume, readOnly: boolean): CsiSource | undefined {
  const csi = spec?.csi;
  if (csi === undefined) return undefined;
  const stage = secretName(csi.nodeStageSecretRef);
  const publish = secretName(csi.nodePublishSecretRef);
  const expand = secretName(csi.nodeExpandSecretRef);
  return {
    driver: csi.driver,
    handle: csi.volumeHandle,
    mode: "Persistent",
    specName: metadata?.name ?? "",
    fsType: csi.fsType ?? "",
    readOnly,
    attributes: csi.volumeAttributes ?? {},
    mountOptions: spec?.mountOptions ?? [],
    accessModes: spec?.accessModes ?? [],
    ...(stage !== undefined && { stageSecret: stage }),
    ...(publish !== undefined && { publishSecret: publish }),
    ...(expand !== undefined && { expandSecret: expand }),
  };
}

/** The source of a volume that stands in the pod itself. @param handle see `inlineHandle` */
export function inlineCsiSource(pod: Pod, volume: Volume, handle: string): CsiSource | undefined {
  const { csi } = volume;
  if (csi === undefined) return undefined;
  const publish = csi.nodePublishSecretRef?.name ?? "";
  return {
    driver: csi.driver,
    handle,
    mode: "Ephemeral",
    specName: volume.name,
    fsType: csi.fsType ?? "",
    readOnly: csi.readOnly ?? false,
    attributes: csi.volumeAttributes ?? {},
    mountOptions: [],
    accessModes: ["ReadWriteOnce"],
    ...(publish !== "" && { publishSecret: { namespace: pod.metadata?.namespace ?? "", name: publish } }),
  };
}

/** Handle of an inline volume. @param digest SHA-256 in hexadecimal digits */
export function inlineHandle(podUid: string, volumeName: string, digest: (text: string) => string): string {
  return `csi-${digest(`${podUid}${volumeName}`)}`;
}

/** Name of the VolumeAttachment of a volume on a node. @param digest SHA-256 in hexadecimal digits */
export function attachmentName(
  source: Pick<CsiSource, "handle" | "driver">,
  node: string,
  digest: (text: string) => string,
): string {
  return `csi-${digest(`${source.handle}${source.driver}${node}`)}`;
}

/** Whether volumes of the driver have to be attached; drivers without an object are. */
export function requiresAttachment(driver: CSIDriver | undefined): boolean {
  return driver?.spec?.attachRequired !== false;
}

/** Why the driver may not be used this way; undefined when it may. */
export function lifecycleProblem({ driver, mode }: CsiSource, object: CSIDriver | undefined): string | undefined {
  if (object === undefined) {
    if (mode === "Persistent") return undefined;
    return `volume mode "${mode}" not supported by driver ${driver} (no CSIDriver object)`;
  }
  const modes = object.spec?.volumeLifecycleModes ?? ["Persistent"];
  if (modes.includes(mode)) return undefined;
  const known = modes.map((each) => `"${each}"`).join(" ");
  return `volume mode "${mode}" not supported by driver ${driver} (only supports [${known}])`;
}

/** What a driver with podInfoOnMount learns of the pod. */
export function podInformation(pod: Pod, mode: CsiSource["mode"]): Readonly<Record<string, string>> {
  return {
    "csi.storage.k8s.io/pod.name": pod.metadata?.name ?? "",
    "csi.storage.k8s.io/pod.namespace": pod.metadata?.namespace ?? "",
    "csi.storage.k8s.io/pod.uid": pod.metadata?.uid ?? "",
    "csi.storage.k8s.io/serviceAccount.name": pod.spec?.serviceAccountName ?? "",
    "csi.storage.k8s.io/ephemeral": String(mode === "Ephemeral"),
  };
}

function secretName(
  reference: { readonly name?: string; readonly namespace?: string } | undefined,
): SecretName | undefined {
  if ((reference?.name ?? "") === "") return undefined;
  return { namespace: reference?.namespace ?? "", name: reference?.name ?? "" };
}
