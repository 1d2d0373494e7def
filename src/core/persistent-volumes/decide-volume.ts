import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { hasAnnotation, MIGRATED_TO, PROVISIONED_BY } from "./annotations.ts";
import { modesDiffer } from "./claim-and-volume.ts";
import type { BindingEvent } from "./decide-claim.ts";

/** What happens to a volume whose claim is gone. */
export type Reclaim =
  /** Nothing: its data is kept for somebody to look at. */
  | { readonly do: "retain" }
  /** The provisioner that made it deletes it. */
  | { readonly do: "leave-to-deleter" }
  /** Nobody here can: Failed, with this event. */
  | { readonly do: "fail"; readonly event: BindingEvent };

export type VolumeDecision =
  | { readonly do: "set-phase"; readonly phase: "Available" | "Bound" }
  /** Its claim must be looked at; the volume follows from that. */
  | { readonly do: "await-claim" }
  /** They refer to each other and do not go together. */
  | { readonly do: "complain"; readonly event: BindingEvent; readonly claimEvent: BindingEvent }
  /** The claim has another volume: this one is free again, or reserved again when a user chose the claim. */
  | { readonly do: "unbind" }
  | { readonly do: "release"; readonly reclaim: Reclaim };

/**
 * What becomes of a volume.
 *
 * @param claim the claim its reference names, if there is one with the UID in the reference. For a volume that is neither
 *   Released nor Failed, undefined needs proof from the API server: releasing destroys data.
 */
export function decideVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeDecision {
  if ((volume.spec?.claimRef?.uid ?? "") === "") return { do: "set-phase", phase: "Available" };
  if (claim === undefined) return { do: "release", reclaim: decideReclaim(volume) };
  const bound = claim.spec?.volumeName ?? "";
  if (bound === "") return modesDiffer(volume, claim) ? complainAbout(volume, claim) : { do: "await-claim" };
  if (bound === volume.metadata?.name) return { do: "set-phase", phase: "Bound" };
  // It was made for this claim and is of no use to any other.
  const isSpare = hasAnnotation(volume, PROVISIONED_BY) && volume.spec?.persistentVolumeReclaimPolicy === "Delete";
  return isSpare ? { do: "release", reclaim: decideReclaim(volume) } : { do: "unbind" };
}

/** Whether the volume was given up before, so that its claim need not be asked for again. */
export function isGivenUp({ status }: PersistentVolume): boolean {
  return status?.phase === "Released" || status?.phase === "Failed";
}

function decideReclaim(volume: PersistentVolume): Reclaim {
  if (hasAnnotation(volume, MIGRATED_TO)) return { do: "leave-to-deleter" };
  switch (volume.spec?.persistentVolumeReclaimPolicy) {
    case "Retain":
      return { do: "retain" };
    case "Recycle":
      return failure("VolumeFailedRecycle", "No recycler plugin found for the volume!");
    case "Delete": {
      const why = whyNotDeleted(volume);
      return why === undefined ? { do: "leave-to-deleter" } : failure("VolumeFailedDelete", why);
    }
    default:
      return failure("VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  }
}

/** Why a volume will not be deleted; undefined when somebody else is expected to do it. */
function whyNotDeleted(volume: PersistentVolume): string | undefined {
  const { metadata, spec } = volume;
  const provisioner = metadata?.annotations?.[PROVISIONED_BY] ?? "";
  if (provisioner !== "") {
    return provisioner.startsWith("kubernetes.io/") ? `no volume plugin matched name: ${provisioner}` : undefined;
  }
  if (spec?.csi !== undefined) return undefined;
  // Directories of the host are not the control plane's to remove, not even below /tmp.
  if (spec?.hostPath !== undefined) {
    const { path } = spec.hostPath;
    return /^\/tmp\/.+/.test(path)
      ? `host path "${path}" is not deleted by the control plane`
      : `host_path deleter only supports /tmp/.+ but received provided ${path}`;
  }
  const which = spec?.nfs === undefined ? "no volume plugin matched" : "no deletable volume plugin matched";
  return `error getting deleter volume plugin for volume "${metadata?.name ?? ""}": ${which}`;
}

function failure(reason: string, message: string): Reclaim {
  return { do: "fail", event: { type: "Warning", reason, message } };
}

function complainAbout(volume: PersistentVolume, claim: PersistentVolumeClaim): VolumeDecision {
  const [volumeName, claimName] = [volume.metadata?.name ?? "", claim.metadata?.name ?? ""];
  const why = "due to incompatible volumeMode.";
  const event = (message: string): BindingEvent => ({ type: "Warning", reason: "VolumeMismatch", message });
  return {
    do: "complain",
    event: event(`Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" ${why}`),
    claimEvent: event(`Cannot bind PersistentVolume "${volumeName}" to requested PersistentVolumeClaim ${why}`),
  };
}
