import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { StatusError } from "../../api/status-error.ts";
import type { Objects } from "../extension.ts";

async function driverOfClaim(objects: Objects, namespace: string, claimName: string): Promise<string | undefined> {
  const claim = (await objects.get("persistentvolumeclaims", namespace, claimName)) as PersistentVolumeClaim;
  const volume = (await objects.get("persistentvolumes", "", claim.spec?.volumeName ?? "")) as PersistentVolume;
  return volume.spec?.csi?.driver;
}

type Volume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];

async function driverOf(objects: Objects, pod: Pod, volume: Volume): Promise<string | undefined> {
  const namespace = pod.metadata?.namespace ?? "";
  if (volume.ephemeral?.volumeClaimTemplate !== undefined) {
    return await driverOfClaim(objects, namespace, `${pod.metadata?.name ?? ""}-${volume.name}`);
  }
  if (volume.persistentVolumeClaim !== undefined) {
    return await driverOfClaim(objects, namespace, volume.persistentVolumeClaim.claimName);
  }
  return volume.csi?.driver;
}

/** Whether a volume of the pod, or the CSI driver behind one, asks for tokens of this audience. */
export async function podUsesAudience(objects: Objects, pod: Pod, audience: string): Promise<boolean> {
  for (const volume of pod.spec?.volumes ?? []) {
    const sources = volume.projected?.sources ?? [];
    if (sources.some(({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? "") === audience)) {
      return true;
    }
    try {
      const name = await driverOf(objects, pod, volume);
      if (name === undefined) continue;
      const driver = (await objects.get("csidrivers.storage.k8s.io", "", name)) as unknown as CSIDriver;
      if ((driver.spec.tokenRequests ?? []).some((request) => request.audience === audience)) return true;
    } catch (reason) {
      // A claim without volume or a driver without object asks for nothing.
      if (!(reason instanceof StatusError) || reason.code !== 404) throw reason;
    }
  }
  return false;
}
