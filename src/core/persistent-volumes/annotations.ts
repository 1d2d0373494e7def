// What the controllers, the scheduler, provisioners and users tell each other about claims and volumes.

/** On a claim: it has been bound once; from then on its volume is fixed. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
/** On a claim or a volume: the reference to the other was not set by a user. */
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
/** On a volume: the provisioner that made it. */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** On claims and volumes of in-tree plugins: the CSI driver that takes their place. */
export const MIGRATED_TO = "pv.kubernetes.io/migrated-to";
/** On a claim: the provisioner that is asked to make a volume for it. */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";
/** On a claim: the node where its first pod will run. The scheduler sets it, a provisioner that failed takes it away. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
/** On a volume: what its claim could use before the file system was grown. */
export const PRE_RESIZE_CAPACITY = "volume.alpha.kubernetes.io/pre-resize-capacity";

/** Provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = "kubernetes.io/no-provisioner";

type Annotated = { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };

export function hasAnnotation(object: Annotated, name: string): boolean {
  return object.metadata?.annotations?.[name] !== undefined;
}
