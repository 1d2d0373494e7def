/**
 * One volume of the node that pods may share, as desired and as it is: the state machine of selinux-volumes.md section 6.
 * Contexts are canonical labels; "" stands for a mount without one.
 */
export interface NodeVolume {
  /** Pods that may use it now, by uid. Empty: nobody wants it. */
  readonly users: ReadonlyMap<string, VolumeUserPod>;
  /** What it is to be mounted with for its users, and what the first of them wanted. Meaningless without users. */
  readonly desired: DesiredMount;
  /** The mount all pods share (NodeStage); "none" also for volumes that have no such mount. */
  readonly device: MountState;
  /** Mounts of single pods, by pod uid. */
  readonly mounts: ReadonlyMap<string, Exclude<MountState, { readonly at: "none" }>>;
}

export interface VolumeUserPod {
  readonly namespace: string;
  readonly name: string;
}

export interface DesiredMount {
  readonly context: string;
  /** The context as the pod wrote it, for the mount option. */
  readonly contextText: string;
  /** What the conflict check compares: also what would be mounted once SELinuxMount is on. */
  readonly wanted: string;
}

export type MountState =
  | { readonly at: "none" }
  | { readonly at: "mounted"; readonly context: string }
  /** It may be mounted, wholly or half: mounting and unmounting both are in order. */
  | { readonly at: "uncertain"; readonly context: string };

export const UNUSED: NodeVolume = {
  users: new Map(),
  desired: { context: "", contextText: "", wanted: "" },
  device: { at: "none" },
  mounts: new Map(),
};

export interface VolumeDemand extends DesiredMount {
  readonly podUid: string;
  readonly pod: VolumeUserPod;
  /** Whether its driver mounts with a context at all: without, labels are no matter. */
  readonly tracked: boolean;
  /** Whether a label that differs keeps the pod out, or is only counted. */
  readonly blocks: boolean;
}

export type Admission =
  | {
      readonly verdict: "admitted";
      readonly volume: NodeVolume;
      /** Whether nobody used it before. */
      readonly first: boolean;
      /** A label that differs and does not matter yet. */
      readonly mismatch: boolean;
    }
  | { readonly verdict: "conflict"; readonly used: string; readonly by: readonly VolumeUserPod[] }
  /** Others that are on their way out still have it mounted with another context. */
  | { readonly verdict: "wait-for-unmount" };

/** Whether a pod may use the volume now. A pod that may already is never turned away. */
export function admitUser(volume: NodeVolume, demand: VolumeDemand): Admission {
  const { podUid, pod, context, contextText, wanted } = demand;
  const users = new Map(volume.users).set(podUid, pod);
  if (volume.users.has(podUid)) return { verdict: "admitted", volume, first: false, mismatch: false };
  if (volume.users.size > 0) {
    const mismatch = demand.tracked && wanted !== volume.desired.wanted;
    if (mismatch && demand.blocks) {
      return { verdict: "conflict", used: volume.desired.wanted, by: [...volume.users.values()] };
    }
    return { verdict: "admitted", volume: { ...volume, users }, first: false, mismatch };
  }
  // Found mounted after a restart: its containers may run, so that the mount stays as it is.
  const own = volume.mounts.get(podUid);
  if (own !== undefined) {
    const desired = own.context === context ? { context, contextText, wanted } : { ...textOf(own.context), wanted };
    return { verdict: "admitted", volume: { ...volume, users, desired }, first: true, mismatch: false };
  }
  if ([...volume.mounts.values()].some((mount) => mount.context !== context)) return { verdict: "wait-for-unmount" };
  const next = { ...volume, users, desired: { context, contextText, wanted } };
  return { verdict: "admitted", volume: next, first: true, mismatch: false };
}

/** The pod's containers are gone: it demands nothing any more. */
export function removeUser(volume: NodeVolume, podUid: string): NodeVolume {
  if (!volume.users.has(podUid)) return volume;
  const users = new Map(volume.users);
  users.delete(podUid);
  return { ...volume, users };
}

export type VolumeStep =
  | { readonly do: "nothing" }
  | { readonly do: "mount-device" }
  | { readonly do: "unmount-device" }
  | { readonly do: "mount-pod" }
  | { readonly do: "wait-for-unmount" };

/** What brings the volume nearer to a user that was admitted. @param hasDevice whether pods share a mount of the device */
export function nextStepFor(volume: NodeVolume, podUid: string, hasDevice: boolean): VolumeStep {
  const { device, mounts, desired } = volume;
  const mount = mounts.get(podUid);
  if (mount?.at === "mounted") return { do: "nothing" };
  if (!hasDevice) return { do: "mount-pod" };
  if (device.at === "none") return { do: "mount-device" };
  if (device.context !== desired.context) {
    return mounts.size > 0 ? { do: "wait-for-unmount" } : { do: "unmount-device" };
  }
  return device.at === "mounted" ? { do: "mount-pod" } : { do: "mount-device" };
}

/** Whether the device may and has to be unmounted: nobody wants it and no pod has it. */
export function isIdle({ users, mounts, device }: NodeVolume): boolean {
  return users.size === 0 && mounts.size === 0 && device.at !== "none";
}

/** Whether nothing is left to remember. */
export function isForgotten({ users, mounts, device }: NodeVolume): boolean {
  return users.size === 0 && mounts.size === 0 && device.at === "none";
}

export function withDevice(volume: NodeVolume, device: MountState): NodeVolume {
  return { ...volume, device };
}

export function withPodMount(volume: NodeVolume, podUid: string, state: MountState): NodeVolume {
  const mounts = new Map(volume.mounts);
  if (state.at === "none") mounts.delete(podUid);
  else mounts.set(podUid, state);
  return { ...volume, mounts };
}

/** With ReadWriteOncePod as its only mode: whether another pod has it. */
export function isTakenByAnother({ mounts }: NodeVolume, podUid: string): boolean {
  return [...mounts.keys()].some((uid) => uid !== podUid);
}

function textOf(context: string): { readonly context: string; readonly contextText: string } {
  return { context, contextText: context };
}
