import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from "../../api/types.ts";

/** What the scheduler knows about storage, with what it has promised itself already. */
export interface StorageView {
  /** @param key "namespace/name" */
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** Free volumes of a class and those that refer to the claim. */
  candidates(claim: PersistentVolumeClaim, className: string): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  csiDriver(name: string): CSIDriver | undefined;
  csiNode(nodeName: string): CSINode | undefined;
  /** Free space a driver reports for a class. */
  capacities(className: string): readonly CSIStorageCapacity[];
  attachments(nodeName: string): readonly VolumeAttachment[];
}

/** A cluster without any storage. */
export const NO_STORAGE: StorageView = {
  claim: () => undefined,
  volume: () => undefined,
  candidates: () => [],
  storageClass: () => undefined,
  csiDriver: () => undefined,
  csiNode: () => undefined,
  capacities: () => [],
  attachments: () => [],
};
