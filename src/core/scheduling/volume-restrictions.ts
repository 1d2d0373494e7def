import type { Pod, Volume } from "../../api/types.ts";
import { claimsOfPod } from "../persistent-volumes/claims-of-pod.ts";
import { FITS, type FilterVerdict, pushedOut } from "./filter-verdict.ts";
import type { NodeView } from "./node-view.ts";
import type { StorageView } from "./storage-view.ts";

const DISK_CONFLICT = "node(s) had no available disk";
const POD_CONFLICT =
  "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

/** Whether two volumes written in pods are the same disk and can not be used by both. */
function disksCollide(a: Volume, b: Volume): boolean {
  const areReadOnly = (left: { readonly readOnly?: boolean }, right: { readonly readOnly?: boolean }): boolean =>
    left.readOnly === true && right.readOnly === true;
  if (a.gcePersistentDisk !== undefined && b.gcePersistentDisk?.pdName === a.gcePersistentDisk.pdName) {
    return !areReadOnly(a.gcePersistentDisk, b.gcePersistentDisk);
  }
  if (a.awsElasticBlockStore !== undefined) {
    return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID;
  }
  if (a.iscsi !== undefined && b.iscsi?.iqn === a.iscsi.iqn) return !areReadOnly(a.iscsi, b.iscsi);
  if (a.rbd === undefined || b.rbd === undefined) return false;
  const [left, right] = [a.rbd, b.rbd];
  return (
    left.monitors.some((monitor) => right.monitors.includes(monitor)) &&
    (left.pool ?? "rbd") === (right.pool ?? "rbd") &&
    left.image === right.image &&
    !areReadOnly(left, right)
  );
}

/**
 * Keeps pods off disks and claims that only one pod may use. A ReadWriteOncePod claim is taken by a pod on any node, so
 * that making room helps only on the node of that pod.
 *
 * @param views every node, with its pods
 */
export function volumeRestrictions(
  pod: Pod,
  storage: StorageView,
  views: readonly NodeView[],
): (view: NodeView) => FilterVerdict {
  const disks = (pod.spec?.volumes ?? []).filter(
    ({ gcePersistentDisk, awsElasticBlockStore, iscsi, rbd }) =>
      (gcePersistentDisk ?? awsElasticBlockStore ?? iscsi ?? rbd) !== undefined,
  );
  const exclusive = new Set(
    claimsOfPod(pod)
      .filter(({ key }) => storage.claim(key)?.spec?.accessModes?.includes("ReadWriteOncePod") === true)
      .map(({ key }) => key),
  );
  if (disks.length === 0 && exclusive.size === 0) return () => FITS;
  const usesExclusive = ({ pods }: NodeView): boolean =>
    exclusive.size > 0 && pods.some((other) => claimsOfPod(other).some(({ key }) => exclusive.has(key)));
  const nodesInUse = new Set(views.filter(usesExclusive).map(({ node }) => node.metadata?.name));
  return (view) => {
    const hasDisk = disks.some((disk) =>
      view.pods.some((other) => (other.spec?.volumes ?? []).some((volume) => disksCollide(disk, volume))),
    );
    if (hasDisk) return pushedOut(DISK_CONFLICT);
    const isElsewhere = [...nodesInUse].some((name) => name !== view.node.metadata?.name);
    return isElsewhere || usesExclusive(view) ? pushedOut(POD_CONFLICT) : FITS;
  };
}
