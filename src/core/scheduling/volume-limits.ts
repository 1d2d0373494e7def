import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { classOfClaim } from "../persistent-volumes/claim-and-volume.ts";
import { claimsOfPod } from "../persistent-volumes/claims-of-pod.ts";
import { migratedDriver } from "../persistent-volumes/migrated-plugins.ts";
import { FITS, type FilterVerdict, pushedOut } from "./filter-verdict.ts";
import type { NodeView } from "./node-view.ts";
import type { StorageView } from "./storage-view.ts";

interface DriverVolume {
  readonly driver: string;
  /** Names it among the volumes of all drivers. */
  readonly id: string;
}

/** Keeps a node to the number of volumes its CSI drivers can attach, as CSINode says. */
export function volumeLimits(pod: Pod, storage: StorageView): (view: NodeView) => FilterVerdict {
  const wanted = volumesOf(pod, storage);
  if (wanted.size === 0) return () => FITS;
  return ({ node, pods }) => {
    const nodeName = node.metadata?.name ?? "";
    const limits = new Map(
      (storage.csiNode(nodeName)?.spec.drivers ?? []).flatMap(({ name, allocatable }) =>
        allocatable?.count === undefined ? [] : [[name, allocatable.count] as const],
      ),
    );
    if (![...wanted.values()].some((driver) => limits.has(driver))) return FITS;
    const used = new Map(pods.flatMap((other) => [...volumesOf(other, storage)]));
    for (const [id, driver] of attachedTo(nodeName, storage)) used.set(id, driver);
    for (const [driver, limit] of limits) {
      const more = [...wanted].filter(([id, its]) => its === driver && !used.has(id)).length;
      const now = [...used.values()].filter((its) => its === driver).length;
      if (more > 0 && now + more > limit) return pushedOut("node(s) exceed max volume count");
    }
    return FITS;
  };
}

/** The pod's volumes of CSI drivers: their IDs, and whose they are. */
function volumesOf(pod: Pod, storage: StorageView): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { key } of claimsOfPod(pod)) {
    const claim = storage.claim(key);
    const volume = claim === undefined ? undefined : volumeOfClaim(claim, key, storage);
    if (volume !== undefined) found.set(volume.id, volume.driver);
  }
  return found;
}

function volumeOfClaim(claim: PersistentVolumeClaim, key: string, storage: StorageView): DriverVolume | undefined {
  const volume = storage.volume(claim.spec?.volumeName ?? "");
  if (volume !== undefined) {
    const csi = volume.spec?.csi;
    return csi === undefined ? undefined : { driver: csi.driver, id: `${csi.driver}/${csi.volumeHandle}` };
  }
  // It will be made: it counts for the driver of its class.
  const provisioner = storage.storageClass(classOfClaim(claim))?.provisioner;
  if (provisioner === undefined) return undefined;
  const driver = migratedDriver(provisioner) ?? provisioner;
  return { driver, id: `${driver}/claim/${key}` };
}

function attachedTo(nodeName: string, storage: StorageView): readonly (readonly [id: string, driver: string])[] {
  return storage.attachments(nodeName).flatMap(({ spec }) => {
    const csi = storage.volume(spec.source.persistentVolumeName ?? "")?.spec?.csi;
    return csi === undefined ? [] : [[`${spec.attacher}/${csi.volumeHandle}`, spec.attacher] as const];
  });
}
