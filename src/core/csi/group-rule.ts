import type { CSIDriver } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import type { CsiSource } from "./csi-source.ts";

/** Who gives the volume's files to the pod's fsGroup. */
export type GroupRule = "driver" | "kubelet" | "nobody";

/** @param driverApplies whether the driver has the capability VOLUME_MOUNT_GROUP */
export function groupRule(
  source: CsiSource,
  fsGroup: number | undefined,
  driver: CSIDriver | undefined,
  driverApplies: boolean,
): Result<GroupRule> {
  const policy = driver === undefined ? "ReadWriteOnceWithFSType" : (driver.spec?.fsGroupPolicy ?? "");
  if (policy === "") return failed("expected valid fsGroupPolicy, received nil value or empty string");
  if (fsGroup === undefined) return ok("nobody");
  if (driverApplies) return ok("driver");
  if (policy === "None" || source.readOnly) return ok("nobody");
  if (policy === "File") return ok("kubelet");
  const once = source.accessModes.some((mode) => mode === "ReadWriteOnce" || mode === "ReadWriteOncePod");
  return ok(source.fsType !== "" && once ? "kubelet" : "nobody");
}
