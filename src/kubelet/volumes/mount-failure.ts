import { messageOf, OrlopError } from "../../lib/orlop-error.ts";

/** Shared volumes are told by their own name; what keeps a pod waiting for one reads as upstream tells it. */
export function mountFailure(volume: string, reason: unknown): OrlopError {
  const detail = messageOf(reason);
  const text = detail.startsWith("MountVolume.")
    ? detail
    : detail.startsWith("conflicting SELinux labels") || detail.startsWith("waiting for unmount")
      ? `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${detail}`
      : `MountVolume.SetUp failed for volume "${volume}" : ${detail}`;
  const code = reason instanceof OrlopError ? reason.code : "Internal";
  return new OrlopError(code, text, { cause: reason, retry: "backoff" });
}
