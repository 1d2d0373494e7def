import type {
  CSIDriver,
  KubernetesObject,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from "../../api/types.ts";

/** What manifests say about a cluster that may not exist yet. */
export interface ManifestCluster {
  /** One for each workload: its replicas are alike. */
  readonly pods: readonly Pod[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly persistentVolumes: readonly PersistentVolume[];
  readonly drivers: readonly CSIDriver[];
  /** What was taken for granted, as the manifests do not say it. */
  readonly assumptions: readonly string[];
}

interface TemplateOwner extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: Pod;
    readonly jobTemplate?: { readonly spec?: { readonly template?: Pod } };
    readonly volumeClaimTemplates?: readonly PersistentVolumeClaim[];
  };
}

const OWNERS = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "ReplicationController",
  "Job",
  "CronJob",
]);

/**
 * Takes manifests for a cluster: each workload for one pod, each claim for a volume of its own where no PersistentVolume is
 * given. A driver that is not described is assumed to mount with a context: better one warning too many before an upgrade.
 */
export function clusterOfManifests(objects: readonly KubernetesObject[], namespace = "default"): ManifestCluster {
  const all = objects.map((object) => inNamespace(object, namespace));
  const ofKind = <T>(kind: string): readonly T[] =>
    all.filter((object) => object.kind === kind) as unknown as readonly T[];
  const owners = all.filter(({ kind }) => OWNERS.has(kind ?? "")) as readonly TemplateOwner[];
  const pods = [...ofKind<Pod>("Pod").map(identified), ...owners.flatMap(podOf)];
  const claims = new Map<string, PersistentVolumeClaim>();
  for (const claim of [...ofKind<PersistentVolumeClaim>("PersistentVolumeClaim"), ...owners.flatMap(claimsOf)]) {
    claims.set(keyOf(claim), claim);
  }
  const assumptions: string[] = [];
  for (const pod of pods) {
    for (const claim of claimsNamedBy(pod)) {
      if (claims.has(keyOf(claim))) continue;
      claims.set(keyOf(claim), claim);
      assumptions.push(`claim ${keyOf(claim)} is not in the manifests: assumed to stand for one volume`);
    }
  }
  const given = new Map(
    ofKind<PersistentVolume>("PersistentVolume").map((volume) => [volume.metadata?.name ?? "", volume]),
  );
  const classes = new Map(ofKind<StorageClass>("StorageClass").map((one) => [one.metadata?.name ?? "", one]));
  const drivers = new Map(ofKind<CSIDriver>("CSIDriver").map((driver) => [driver.metadata?.name ?? "", driver]));
  const bound = [...claims.values()].map((claim) => bind(claim, given, classes));
  const persistentVolumes = new Map([
    ...given,
    ...bound.map(({ volume }) => [volume.metadata?.name ?? "", volume] as const),
  ]);
  for (const { spec } of persistentVolumes.values()) {
    const driver = spec?.csi?.driver;
    if (driver === undefined || drivers.has(driver)) continue;
    drivers.set(driver, { metadata: { name: driver }, spec: { seLinuxMount: true } });
    assumptions.push(`CSIDriver ${driver} is not in the manifests: assumed to have seLinuxMount: true`);
  }
  return {
    pods,
    claims: bound.map(({ claim }) => claim),
    persistentVolumes: [...persistentVolumes.values()],
    drivers: [...drivers.values()],
    assumptions,
  };
}

function inNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata?.namespace ?? namespace } };
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

function identified(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, uid: pod.metadata?.uid ?? `Pod/${keyOf(pod as KubernetesObject)}` } };
}

function podOf({ apiVersion = "", kind = "", metadata, spec }: TemplateOwner): readonly Pod[] {
  const template = spec?.template ?? spec?.jobTemplate?.spec?.template;
  const { name = "", namespace = "" } = metadata ?? {};
  if (template?.spec === undefined) return [];
  // What a Deployment keeps of its past, in what was read from a cluster.
  if (kind === "ReplicaSet" && spec?.replicas === 0) return [];
  const claimed = new Set((spec?.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? ""));
  return [
    {
      metadata: {
        namespace,
        name: `${name}-0`,
        uid: `${kind}/${namespace}/${name}`,
        ownerReferences: [{ apiVersion, kind, name, uid: "", controller: true }],
      },
      spec: {
        ...template.spec,
        volumes: [
          ...(template.spec.volumes ?? []).filter((volume) => !claimed.has(volume.name)),
          ...[...claimed].map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}-0` } })),
        ],
      },
    },
  ];
}

function claimsOf({ metadata, spec }: TemplateOwner): readonly PersistentVolumeClaim[] {
  return (spec?.volumeClaimTemplates ?? []).map((claim) => ({
    ...claim,
    metadata: {
      namespace: metadata?.namespace ?? "",
      name: `${claim.metadata?.name ?? ""}-${metadata?.name ?? ""}-0`,
    },
  }));
}

function claimsNamedBy({ metadata, spec }: Pod): readonly PersistentVolumeClaim[] {
  const { namespace = "", name = "" } = metadata ?? {};
  return (spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) {
      return [{ metadata: { namespace, name: volume.persistentVolumeClaim.claimName }, spec: {} }];
    }
    const template = volume.ephemeral?.volumeClaimTemplate;
    return template === undefined
      ? []
      : [{ metadata: { namespace, name: `${name}-${volume.name}` }, spec: template.spec }];
  });
}

function bind(
  claim: PersistentVolumeClaim,
  given: ReadonlyMap<string, PersistentVolume>,
  classes: ReadonlyMap<string, StorageClass>,
): { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume } {
  const { namespace = "", name = "" } = claim.metadata ?? {};
  const named = given.get(claim.spec?.volumeName ?? "");
  const reserved = [...given.values()].find(
    ({ spec }) => spec?.claimRef?.name === name && spec.claimRef.namespace === namespace,
  );
  const volume = named ?? reserved ?? provisioned(claim, classes);
  return { claim: { ...claim, spec: { ...claim.spec, volumeName: volume.metadata?.name ?? "" } }, volume };
}

function provisioned(claim: PersistentVolumeClaim, classes: ReadonlyMap<string, StorageClass>): PersistentVolume {
  const wanted = claim.spec?.storageClassName ?? "";
  const driver = classes.get(wanted)?.provisioner ?? (wanted === "" ? "unknown" : `of storage class ${wanted}`);
  const { accessModes, volumeMode } = claim.spec ?? {};
  return {
    metadata: { name: `claim ${keyOf(claim)}` },
    spec: {
      csi: { driver, volumeHandle: keyOf(claim) },
      ...(accessModes !== undefined && { accessModes }),
      ...(volumeMode !== undefined && { volumeMode }),
    },
  };
}
