import type { ContainerContexts } from "./contexts-file.ts";
import { canonicalLabel, type SELinuxOptions } from "./label.ts";
import { fileLabelOf } from "./volume-label.ts";

export type AccessMode = "ReadWriteOnce" | "ReadOnlyMany" | "ReadWriteMany" | "ReadWriteOncePod";

export interface SELinuxGates {
  readonly mountReadWriteOncePod: boolean;
  readonly mount: boolean;
}

/** One container that lists the volume in its volumeMounts, with its own options where it has any. */
export interface VolumeUser {
  readonly options?: SELinuxOptions;
}

export interface MountDecisionInput {
  /** undefined: SELinux is not active on the node. */
  readonly contexts: ContainerContexts | undefined;
  readonly gates: SELinuxGates;
  /** Options of the pod; a container with own options replaces them as a whole. */
  readonly podOptions?: SELinuxOptions;
  readonly users: readonly VolumeUser[];
  readonly changePolicy?: "Recursive" | "MountOption";
  /** Whether the volume's driver mounts with a context (CSIDriver.spec.seLinuxMount, iscsi, fc). */
  readonly driverSupportsContext: boolean;
  /** Modes of the PersistentVolume; undefined for an inline volume. */
  readonly accessModes?: readonly AccessMode[];
  /** A context an administrator wrote into the volume's mountOptions. */
  readonly fixedContext?: string;
}

/**
 * What to do about SELinux for one volume of one pod. `wanted` is the label the volume would be mounted with once
 * SELinuxMount is on; it is kept for the conflict check and its metrics also where nothing is mounted with it today.
 */
export type MountDecision =
  | { readonly kind: "inactive" }
  | {
      readonly kind: "mount-with-context";
      readonly label: string;
      readonly wanted: string;
      /** The label as the pod wrote it, for the mount option: so another kubelet compares it too. */
      readonly written: string;
    }
  | { readonly kind: "fixed-by-administrator"; readonly label: string }
  | {
      readonly kind: "relabel-recursively";
      readonly because: "no-label" | "no-level" | "policy" | "driver" | "access-mode" | "inline";
      readonly wanted: string;
    }
  /** Containers of the pod need different labels on one volume. */
  | { readonly kind: "pod-conflict"; readonly labels: readonly string[]; readonly blocks: boolean }
  | { readonly kind: "bad-defaults"; readonly text: string; readonly blocks: boolean };

/** The procedure of selinux-volumes.md section 2, with the documented level requirement. */
export function decideMount(input: MountDecisionInput): MountDecision {
  const { contexts, users, podOptions, changePolicy } = input;
  if (contexts === undefined) return { kind: "inactive" };
  if (input.fixedContext !== undefined)
    return { kind: "fixed-by-administrator", label: canonicalLabel(input.fixedContext) };

  const eligibility = accessModeEligibility(input);
  const labels = new Map<string, string>();
  let withoutLevel = false;
  let withoutOptions = false;
  for (const user of users) {
    const label = fileLabelOf(user.options ?? podOptions, contexts);
    if (label.known) {
      const canonical = canonicalLabel(label.label);
      if (!labels.has(canonical)) labels.set(canonical, label.label);
    } else if (label.because === "bad-defaults")
      return { kind: "bad-defaults", text: label.text, blocks: eligibility === "eligible" };
    else if (label.because === "no-level") withoutLevel = true;
    else withoutOptions = true;
  }
  // Where nothing will be mounted with a context, different labels of one pod hurt nobody: the runtime relabels.
  const contextPossible = changePolicy !== "Recursive" && input.driverSupportsContext;
  if (labels.size > 1 && contextPossible) {
    return { kind: "pod-conflict", labels: [...labels.keys()].sort(), blocks: eligibility === "eligible" };
  }
  const [[label, written] = []] = labels;
  if (label === undefined || written === undefined || withoutLevel || withoutOptions) {
    return { kind: "relabel-recursively", because: withoutLevel ? "no-level" : "no-label", wanted: "" };
  }
  if (changePolicy === "Recursive") return { kind: "relabel-recursively", because: "policy", wanted: "" };
  if (!input.driverSupportsContext) return { kind: "relabel-recursively", because: "driver", wanted: "" };
  if (eligibility !== "eligible") return { kind: "relabel-recursively", because: eligibility, wanted: label };
  return { kind: "mount-with-context", label, wanted: label, written };
}

/** Whether a volume may be mounted with a context under these gates (section 2, step 7). */
export function accessModeEligibility(
  input: Pick<MountDecisionInput, "gates" | "accessModes">,
): "eligible" | "access-mode" | "inline" {
  const { gates, accessModes } = input;
  if (accessModes === undefined) return "inline";
  if (!gates.mountReadWriteOncePod) return "access-mode";
  if (gates.mount) return "eligible";
  return accessModes.length === 1 && accessModes[0] === "ReadWriteOncePod" ? "eligible" : "access-mode";
}

/** The `access_mode` label of the kubelet's SELinux metrics. */
export function accessModeLabel(accessModes: readonly AccessMode[] | undefined): string {
  if (accessModes === undefined) return "inline";
  const order = [
    ["ReadWriteMany", "RWX"],
    ["ReadOnlyMany", "ROX"],
    ["ReadWriteOnce", "RWO"],
    ["ReadWriteOncePod", "RWOP"],
  ] as const;
  return order.find(([mode]) => accessModes.includes(mode))?.[1] ?? "";
}

/** The extra mount option; always quoted, since levels contain commas. */
export function contextMountOption(label: string): string {
  return `context="${label}"`;
}
