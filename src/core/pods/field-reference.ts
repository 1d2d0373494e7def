import type { Pod } from "../../api/types.ts";
import { ok, type Result } from "../../lib/result.ts";
import { metadataFieldText } from "../volumes/downward-api.ts";

/** Primary addresses first. */
export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** What an environment variable's fieldRef stands for; a failure is a path that means nothing there. */
export function resolveFieldReference(fieldPath: string, pod: Pod, addresses: PodAddresses): Result<string> {
  switch (fieldPath) {
    case "spec.nodeName":
      return ok(pod.spec?.nodeName ?? "");
    case "spec.serviceAccountName":
      return ok(pod.spec?.serviceAccountName ?? "");
    case "status.hostIP":
      return ok(addresses.hostIps[0] ?? "");
    case "status.hostIPs":
      return ok(addresses.hostIps.join(","));
    case "status.podIP":
      return ok(addresses.podIps[0] ?? "");
    case "status.podIPs":
      return ok(addresses.podIps.join(","));
    default:
      return metadataFieldText(pod, fieldPath);
  }
}
