import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../api/types.ts";
import { compareQuantities, formatQuantity, quantityFromInteger, quantityOf, wholeUnits } from "../../lib/quantity.ts";
import { BETA_STORAGE_PROVISIONER, PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER } from "./annotations.ts";
import { capacityOf, requestOf } from "./claim-and-volume.ts";
import type { BindingEvent } from "./decide-claim.ts";

/** On a volume: its provisioner deletes what is behind it before the object may go. */
export const PROVISIONER_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer";

/** Keys of class parameters that are for the provisioner and not for the driver begin with this. */
const RESERVED_PREFIX = "csi.storage.k8s.io/";
const FS_TYPE = `${RESERVED_PREFIX}fstype`;

/** A volume that is to be made. */
export interface ProvisioningPlan {
  readonly name: string;
  readonly requiredBytes: bigint;
  /** 0n: none. */
  readonly limitBytes: bigint;
  readonly fsType: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly mountOptions: readonly string[];
  readonly reclaimPolicy: string;
  readonly className: string;
}

export type ProvisioningDecision =
  | {
      readonly do: "nothing";
      readonly because: "bound" | "going" | "another-provisioner" | "no-node-yet" | "another-node" | "no-class";
    }
  | { readonly do: "refuse"; readonly event: BindingEvent }
  | { readonly do: "provision"; readonly plan: ProvisioningPlan };

export interface Provisioner {
  readonly driver: string;
  /** The node this provisioner makes volumes on. */
  readonly nodeName: string;
}

/** What the provisioner of one node does about a claim (the protocol of external provisioners, KEP-1472 for nodes). */
export function decideProvisioning(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
  { driver, nodeName }: Provisioner,
): ProvisioningDecision {
  const { annotations = {}, deletionTimestamp, uid = "" } = claim.metadata ?? {};
  const asked = annotations[STORAGE_PROVISIONER] ?? annotations[BETA_STORAGE_PROVISIONER];
  if (asked !== driver) return { do: "nothing", because: "another-provisioner" };
  if ((claim.spec?.volumeName ?? "") !== "") return { do: "nothing", because: "bound" };
  if (deletionTimestamp !== undefined) return { do: "nothing", because: "going" };
  if (storageClass === undefined || storageClass.provisioner !== driver) return { do: "nothing", because: "no-class" };
  const node = annotations[SELECTED_NODE] ?? "";
  if (node === "" && storageClass.volumeBindingMode === "WaitForFirstConsumer") {
    return { do: "nothing", because: "no-node-yet" };
  }
  if (node !== "" && node !== nodeName) return { do: "nothing", because: "another-node" };
  if (claim.spec?.dataSource !== undefined || claim.spec?.dataSourceRef !== undefined) {
    return refuse("volumes are made empty: data sources are not supported");
  }
  if (claim.spec?.volumeMode === "Block") return refuse("volumes are file systems: volumeMode Block is not supported");

  const given = Object.entries(storageClass.parameters ?? {});
  const reserved = given.filter(([key]) => key.startsWith(RESERVED_PREFIX));
  const unknown = reserved.find(([key]) => key !== FS_TYPE);
  if (unknown !== undefined) return refuse(`the class has the parameter ${unknown[0]}, which is not supported`);
  const limit = claim.spec?.resources?.limits?.["storage"];
  return {
    do: "provision",
    plan: {
      name: `pvc-${uid}`,
      requiredBytes: wholeUnits(requestOf(claim)),
      limitBytes: limit === undefined ? 0n : wholeUnits(quantityOf(limit)),
      fsType: storageClass.parameters?.[FS_TYPE] ?? "",
      parameters: Object.fromEntries(given.filter(([key]) => !key.startsWith(RESERVED_PREFIX))),
      mountOptions: storageClass.mountOptions ?? [],
      reclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      className: storageClass.metadata?.name ?? "",
    },
  };
}

function refuse(message: string): ProvisioningDecision {
  return { do: "refuse", event: { type: "Warning", reason: "ProvisioningFailed", message } };
}

export interface ProvisionedVolume {
  readonly volumeId: string;
  readonly capacityBytes: bigint;
  readonly volumeContext: Readonly<Record<string, string>>;
  readonly topologies: readonly Readonly<Record<string, string>>[];
}

/** The object for a volume that was made, bound to its claim from the start. */
export function provisionedVolume(
  claim: PersistentVolumeClaim,
  plan: ProvisioningPlan,
  made: ProvisionedVolume,
  driver: string,
): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  const bytes = made.capacityBytes > 0n ? made.capacityBytes : plan.requiredBytes;
  const terms = made.topologies.map((segments) => ({
    matchExpressions: Object.entries(segments).map(([key, value]) => ({ key, operator: "In", values: [value] })),
  }));
  return {
    metadata: {
      name: plan.name,
      annotations: { [PROVISIONED_BY]: driver },
      ...(plan.reclaimPolicy === "Delete" && { finalizers: [PROVISIONER_FINALIZER] }),
    },
    spec: {
      accessModes: claim.spec?.accessModes ?? [],
      capacity: { storage: formatQuantity(quantityFromInteger(bytes, "binary")) },
      claimRef: {
        kind: "PersistentVolumeClaim",
        apiVersion: "v1",
        ...(namespace !== undefined && { namespace }),
        ...(name !== undefined && { name }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      csi: {
        driver,
        volumeHandle: made.volumeId,
        ...(plan.fsType !== "" && { fsType: plan.fsType }),
        ...(Object.keys(made.volumeContext).length > 0 && { volumeAttributes: made.volumeContext }),
      },
      persistentVolumeReclaimPolicy: plan.reclaimPolicy,
      storageClassName: plan.className,
      volumeMode: "Filesystem",
      ...(plan.mountOptions.length > 0 && { mountOptions: plan.mountOptions }),
      ...(terms.length > 0 && { nodeAffinity: { required: { nodeSelectorTerms: terms } } }),
    },
  };
}

/** Whether what is behind the volume is to be deleted: it was given up, and its policy says so. */
export function isToBeDeleted(volume: PersistentVolume, driver: string): boolean {
  const { annotations = {}, deletionTimestamp } = volume.metadata ?? {};
  if (annotations[PROVISIONED_BY] !== driver || volume.spec?.csi?.driver !== driver) return false;
  if (volume.spec.persistentVolumeReclaimPolicy !== "Delete") return false;
  const phase = volume.status?.phase;
  return phase === "Released" || phase === "Failed" || (deletionTimestamp !== undefined && phase === "Available");
}

/** How large the volume of a claim is to become, in bytes; undefined when it is as large as was asked for. */
export function wantedGrowth(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  driver: string,
): bigint | undefined {
  if (volume.spec?.csi?.driver !== driver || claim.metadata?.deletionTimestamp !== undefined) return undefined;
  if (claim.status?.phase !== "Bound" || volume.spec.claimRef?.uid !== claim.metadata?.uid) return undefined;
  const wanted = requestOf(claim);
  return compareQuantities(wanted, capacityOf(volume)) > 0 ? wholeUnits(wanted) : undefined;
}
