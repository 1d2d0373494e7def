import { containersOf } from "../../api/pod.ts";
import type { PersistentVolume, Pod, Volume } from "../../api/types.ts";

/** Names of objects in the pod's namespace that the pod needs. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  /** "" for none. */
  readonly serviceAccount: string;
}

type Name = string | undefined;

function* secretsOfVolume(volume: Volume): Generator<Name> {
  yield volume.secret?.secretName;
  yield volume.azureFile?.secretName;
  yield volume.cephfs?.secretRef?.name;
  yield volume.cinder?.secretRef?.name;
  yield volume.flexVolume?.secretRef?.name;
  yield volume.rbd?.secretRef?.name;
  yield volume.scaleIO?.secretRef?.name;
  yield volume.iscsi?.secretRef?.name;
  yield volume.storageos?.secretRef?.name;
  yield volume.csi?.nodePublishSecretRef?.name;
  for (const source of volume.projected?.sources ?? []) yield source.secret?.name;
}

function* configMapsOfVolume(volume: Volume): Generator<Name> {
  yield volume.configMap?.name;
  for (const source of volume.projected?.sources ?? []) yield source.configMap?.name;
}

function* secretNames(pod: Pod): Generator<Name> {
  for (const pull of pod.spec?.imagePullSecrets ?? []) yield pull.name;
  for (const container of containersOf(pod.spec)) {
    for (const source of container.envFrom ?? []) yield source.secretRef?.name;
    for (const variable of container.env ?? []) yield variable.valueFrom?.secretKeyRef?.name;
  }
  for (const volume of pod.spec?.volumes ?? []) yield* secretsOfVolume(volume);
}

function* configMapNames(pod: Pod): Generator<Name> {
  for (const container of containersOf(pod.spec)) {
    for (const source of container.envFrom ?? []) yield source.configMapRef?.name;
    for (const variable of container.env ?? []) yield variable.valueFrom?.configMapKeyRef?.name;
  }
  for (const volume of pod.spec?.volumes ?? []) yield* configMapsOfVolume(volume);
}

function* claimNames(pod: Pod): Generator<Name> {
  for (const volume of pod.spec?.volumes ?? []) {
    yield volume.persistentVolumeClaim?.claimName;
    // A generic ephemeral volume owns a claim named after pod and volume.
    if (volume.ephemeral !== undefined) yield `${pod.metadata?.name ?? ""}-${volume.name}`;
  }
}

function namesIn(found: Iterable<Name>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const name of found) {
    if (name !== undefined && name !== "") names.add(name);
  }
  return names;
}

export function podReferences(pod: Pod): PodReferences {
  return {
    secrets: namesIn(secretNames(pod)),
    configMaps: namesIn(configMapNames(pod)),
    claims: namesIn(claimNames(pod)),
    serviceAccount: pod.spec?.serviceAccountName ?? "",
  };
}

/** Secrets a node needs for a volume that is bound to a claim, as [namespace, name]. Controllers' own are not among them. */
export function volumeSecrets(volume: PersistentVolume): readonly (readonly [namespace: string, name: string])[] {
  const { spec } = volume;
  const home = spec?.claimRef?.namespace ?? "";
  const references = [
    { name: spec?.azureFile?.secretName, namespace: spec?.azureFile?.secretNamespace },
    spec?.cephfs?.secretRef,
    spec?.cinder?.secretRef,
    spec?.flexVolume?.secretRef,
    spec?.rbd?.secretRef,
    spec?.scaleIO?.secretRef,
    spec?.iscsi?.secretRef,
    spec?.storageos?.secretRef,
    spec?.csi?.nodePublishSecretRef,
    spec?.csi?.nodeStageSecretRef,
    spec?.csi?.nodeExpandSecretRef,
  ];
  return references.flatMap((reference) => {
    const name = reference?.name ?? "";
    const namespace = reference?.namespace ?? "";
    return name === "" ? [] : [[namespace === "" ? home : namespace, name] as const];
  });
}

type VolumeKind = Exclude<keyof Volume, "name">;

/** Volumes that need nothing from the API; any other kind counts as a reference. */
const LOCAL_VOLUMES: ReadonlySet<string> = new Set<VolumeKind>([
  "awsElasticBlockStore",
  "azureDisk",
  "cephfs",
  "cinder",
  "downwardAPI",
  "emptyDir",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "gitRepo",
  "hostPath",
  "image",
  "iscsi",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
]);

const API_VOLUMES: ReadonlyMap<string, string> = new Map<VolumeKind, string>([
  ["configMap", "configmaps (via configmap volumes)"],
  ["secret", "secrets (via secret volumes)"],
  ["csi", "csidrivers (via CSI volumes)"],
  ["glusterfs", "endpoints (via glusterFS volumes)"],
  ["persistentVolumeClaim", "persistentvolumeclaims"],
  ["ephemeral", "persistentvolumeclaims (via ephemeral volumes)"],
  ["azureFile", "secrets (via azureFile volumes)"],
]);

const API_SOURCES: ReadonlyMap<string, string> = new Map([
  ["configMap", "configmaps (via projected volumes)"],
  ["secret", "secrets (via projected volumes)"],
  ["serviceAccountToken", "serviceaccounts (via projected volumes)"],
  ["clusterTrustBundle", "clustertrustbundles"],
  ["podCertificate", "podcertificates"],
]);

function apiReferenceOfVolume(volume: Volume): string | undefined {
  const kinds = Object.entries(volume).flatMap(([kind, source]) =>
    kind === "name" || source === undefined ? [] : [kind],
  );
  for (const [kind, what] of API_VOLUMES) {
    if (kinds.includes(kind)) return what;
  }
  if (volume.projected !== undefined) {
    for (const source of volume.projected.sources ?? []) {
      for (const kind of Object.keys(source)) {
        if (kind !== "downwardAPI") return API_SOURCES.get(kind) ?? "unknown source (via projected volumes)";
      }
    }
    return undefined;
  }
  return kinds.every((kind) => LOCAL_VOLUMES.has(kind)) ? undefined : "unknown volume type";
}

/** What of the API a pod refers to, in words; undefined for a pod that can run without the API. */
export function apiReference(pod: Pod): string | undefined {
  const references = podReferences(pod);
  if (references.serviceAccount !== "") return "serviceaccounts";
  if (references.secrets.size > 0) return "secrets";
  if (references.configMaps.size > 0) return "configmaps";
  if ((pod.spec?.resourceClaims ?? []).length > 0) return "resourceclaims";
  for (const volume of pod.spec?.volumes ?? []) {
    const found = apiReferenceOfVolume(volume);
    if (found !== undefined) return found;
  }
  return undefined;
}
