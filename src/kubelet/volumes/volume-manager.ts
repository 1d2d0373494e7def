import type { Container, EphemeralContainer, Pod, Volume } from "../../api/types.ts";
import type { KernelVersion } from "../../core/userns/mappable-filesystems.ts";
import { nestedMountPoints } from "../../core/volumes/nested-mounts.ts";
import { type Payload, samePayload } from "../../core/volumes/payload.ts";
import { isSafePathName, podsDirectory } from "../../core/volumes/pod-paths.ts";
import { modeMismatch, usedVolumes } from "../../core/volumes/used-volumes.ts";
import { extraGroups, volumeGroupOf } from "../../core/volumes/volume-group.ts";
import { planVolume, type VolumePlan } from "../../core/volumes/volume-plan.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createInOrder } from "../../machinery/in-order.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerMount } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts, VolumeSubpaths } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { ReadyVolumePath } from "../metrics/volume-usages.ts";
import type { ContainerMountOptions, PodVolumes } from "../pod-volumes.ts";
import { claimNameOf, type ClaimedVolume, findClaimedVolume } from "./claimed-volume.ts";
import { containerMounts } from "./container-mounts.ts";
import { isBlock, type NodeVolumeSpec } from "./node-volume-plugin.ts";
import type { NodeVolumes } from "./node-volumes.ts";
import { mountFailure } from "./mount-failure.ts";
import { isSetUp, performSteps } from "./perform-steps.ts";
import { releaseVolumes, unmountSubpaths } from "./release-volumes.ts";
import { sharedVolumeOf } from "./shared-volume.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import { unmappableReason } from "./unmappable-volume.ts";
import { type PayloadDeps, volumePayload } from "./volume-payload.ts";
import { createVolumeRefresh } from "./volume-refresh.ts";
import { writeContent } from "./write-content.ts";

export interface VolumeManagerDeps extends PayloadDeps {
  readonly files: Files;
  readonly mounts: HostMounts;
  readonly subpaths: VolumeSubpaths;
  readonly client: Pick<ClusterClient, "get">;
  readonly tokens: ServiceAccountTokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Memory limit of the whole pod in bytes, as its cgroup has it; undefined when it has none. */
  readonly podMemoryLimit: (pod: Pod) => number | undefined;
  /** Volumes pods may share: CSI, iSCSI, Fibre Channel. Absent: they are not supported. */
  readonly nodeVolumes?: NodeVolumes;
  /** Looks after a shared volume that is mounted: expansion, drivers that want to be asked again. Never throws. */
  readonly careFor?: (spec: NodeVolumeSpec, signal: AbortSignal) => Promise<void>;
  /** SHA-256 in hexadecimal digits. */
  readonly digest?: (text: string) => string;
  /** Tells when a ConfigMap or Secret of a pod may have changed; returns how to stop. */
  readonly onReferenceChange: (listener: (namespace: string) => void) => () => void;
}

export interface VolumeManagerOptions {
  /** The kubelet's root directory, absolute. */
  readonly root: string;
  readonly clusterDomain: string;
  /** Whether SELinux labels files on this node. @default it does not */
  readonly isSELinuxActive?: (signal: AbortSignal) => Promise<boolean>;
  /** Whether the kernel's tmpfs knows `noswap` (6.4). */
  readonly tmpfsNoSwap: boolean;
  /** @default the newest */
  readonly kernelIsAtLeast?: (version: KernelVersion) => boolean;
  /** How often tokens are looked at for renewal, in milliseconds. @default 30 s */
  readonly refreshInterval?: number;
}

export interface VolumeManager {
  readonly volumes: PodVolumes;
  /** Keeps configMap, secret, projected and downwardAPI volumes of running pods fresh. */
  readonly unit: Unit;
  /** Host paths of a pod's volumes that are ready, for statistics. */
  volumePaths(podUid: string): readonly ReadyVolumePath[];
}

type MountPlan = Extract<VolumePlan, { readonly plan: "mount" }>;

interface ReadyVolume {
  readonly plan: MountPlan;
  readonly claim?: { readonly name: string; readonly namespace: string };
  /** Who the persistent volume says its files belong to. */
  readonly group?: number;
  readonly shared?: NodeVolumeSpec;
  /** Whether containers get it as a raw block device. */
  readonly device?: boolean;
  /** Of a shared volume: when it was last looked after, monotonic milliseconds. */
  readonly caredAt?: number;
  /** What is on disk, for volumes whose files the kubelet writes. */
  written?: Payload;
}

interface KnownPod {
  pod: Pod;
  readonly ready: Map<string, ReadyVolume>;
}

const REFRESH_INTERVAL_MS = 30_000;
/** Pods are synchronized about as often. */
const CARE_INTERVAL_MS = 30_000;

/** The volumes of the pods on this node. One pod's calls run one after the other, different pods' side by side. */
export function createVolumeManager(deps: VolumeManagerDeps, options: VolumeManagerOptions): VolumeManager {
  const pods = new Map<string, KnownPod>();
  const inOrder = createInOrder();

  const claimedBy = async (pod: Pod, volume: Volume, signal: AbortSignal): Promise<ClaimedVolume | undefined> => {
    const claim = claimNameOf(pod, volume);
    return claim === undefined ? undefined : findClaimedVolume(deps.client, pod, claim, signal);
  };

  const plan = (pod: Pod, volume: Volume, claimed: ClaimedVolume | undefined): MountPlan => {
    const claim = claimNameOf(pod, volume);
    const persistentVolume = claimed?.volume;
    const memoryLimitBytes = deps.podMemoryLimit(pod);
    const planned = planVolume(volume, pod, {
      root: options.root,
      tmpfsNoSwap: options.tmpfsNoSwap,
      ...(claim !== undefined && { claimReadOnly: claim.readOnly }),
      ...(persistentVolume !== undefined && { persistentVolume }),
      ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
    });
    if (planned.plan === "unsupported") throw new OrlopError("Unsupported", planned.reason);
    return planned;
  };

  /** @returns false when the volume is not one that pods share */
  const setUpShared = async (
    { nodeVolumes, careFor, digest }: VolumeManagerDeps,
    known: KnownPod,
    volume: Volume,
    claimed: ClaimedVolume | undefined,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const spec = digest === undefined ? undefined : sharedVolumeOf(known.pod, volume, claimed, digest);
    if (nodeVolumes === undefined || spec === undefined) return false;
    const before = known.ready.get(volume.name);
    const { path, relabel } = await nodeVolumes.mount(spec, signal);
    const device = isBlock(spec);
    if (before === undefined && !device && known.pod.spec?.hostUsers === false) await refuseUnmappable(path, signal);
    const now = deps.clock.monotonic();
    const isDue = now - (before?.caredAt ?? Number.NEGATIVE_INFINITY) >= CARE_INTERVAL_MS;
    if (isDue) await careFor?.(spec, signal);
    known.ready.set(volume.name, {
      shared: spec,
      device,
      ...ofClaim(claimed),
      caredAt: isDue ? now : (before?.caredAt ?? now),
      plan: {
        plan: "mount",
        plugin: spec.plugin,
        path,
        steps: [],
        readOnly: spec.readOnly,
        projectsFiles: false,
        relabel: relabel && !spec.readOnly,
      },
    });
    return true;
  };

  const setUp = async (known: KnownPod, volume: Volume, signal: AbortSignal): Promise<void> => {
    const { pod } = known;
    const before = known.ready.get(volume.name);
    const isShared = before?.caredAt !== undefined;
    const claimed = before === undefined || isShared ? await claimedBy(pod, volume, signal) : undefined;
    const mismatch = modeMismatch(pod, volume, claimed?.volume.spec?.volumeMode);
    if (before === undefined && mismatch !== undefined) throw new OrlopError("Invalid", mismatch, { retry: "backoff" });
    if ((before === undefined || isShared) && (await setUpShared(deps, known, volume, claimed, signal))) return;
    // The files are collected first: a missing Secret must not leave half a volume behind.
    const planned = before?.plan ?? plan(pod, volume, claimed);
    const payload = planned.projectsFiles ? await volumePayload(deps, pod, volume, signal) : undefined;
    if (before === undefined && !(await isSetUp(deps, planned.steps, signal))) {
      await performSteps(deps, planned.steps, signal);
    }
    if (before === undefined && pod.spec?.hostUsers === false) await refuseUnmappable(planned.path, signal);
    if (payload !== undefined && !samePayload(before?.written, payload)) {
      await makeNestedMountPoints(pod, volume.name, planned.path);
      await writeContent(deps, planned.path, payload, planned.access);
    }
    known.ready.set(volume.name, {
      plan: planned,
      ...(before?.claim === undefined ? ofClaim(claimed) : kept(before)),
      ...(payload !== undefined && { written: payload }),
    });
  };

  /** Asked before there is a sandbox: the runtime would only find out when it starts the containers. */
  const refuseUnmappable = async (path: string, signal: AbortSignal): Promise<void> => {
    const reason = await unmappableReason(deps, path, options.kernelIsAtLeast ?? (() => true), signal);
    if (reason !== undefined) throw new OrlopError("Unsupported", reason);
  };

  const makeNestedMountPoints = async (pod: Pod, volume: string, path: string): Promise<void> => {
    const nested = nestedMountPoints(pod, volume);
    if (!nested.ok) throw new OrlopError("Invalid", nested.reason);
    for (const folder of nested.value) {
      let current = path;
      for (const name of folder.split("/")) {
        current = `${current}/${name}`;
        await deps.files.makeDirectory(current, 0o755);
      }
    }
  };

  const prepare = async (pod: Pod, signal: AbortSignal): Promise<void> => {
    const uid = uidOf(pod);
    const known = pods.get(uid) ?? { pod, ready: new Map<string, ReadyVolume>() };
    known.pod = pod;
    pods.set(uid, known);
    // Side by side: a volume that hangs or waits must not keep the others of the pod from being tried.
    const results = await Promise.allSettled(
      usedVolumes(pod).map(async (volume) => {
        try {
          await setUp(known, volume, signal);
        } catch (reason) {
          signal.throwIfAborted();
          throw mountFailure(volume.name, reason);
        }
      }),
    );
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  };

  const refresh = async (uid: string, signal: AbortSignal): Promise<void> => {
    const known = pods.get(uid);
    if (known === undefined) return;
    for (const volume of usedVolumes(known.pod)) {
      const ready = known.ready.get(volume.name);
      if (ready?.plan.projectsFiles !== true) continue;
      try {
        await setUp(known, volume, signal);
      } catch (reason) {
        if (signal.aborted) return;
        deps.log.warn("cannot refresh the files of a volume, it keeps the old ones", {
          podUid: uid,
          volume: volume.name,
          reason: messageOf(reason),
        });
      }
    }
  };

  const volumes: PodVolumes = {
    prepare: (pod, signal) => inOrder(uidOf(pod), () => prepare(pod, signal)),
    mounts: (pod, container, mountOptions, signal) =>
      inOrder(uidOf(pod), () => mountsOf(pod, container, mountOptions, signal)),
    devices: (pod, container) =>
      (container.volumeDevices ?? []).flatMap(({ name, devicePath }) => {
        const ready = pods.get(uidOf(pod))?.ready.get(name);
        if (ready?.device !== true) return [];
        const permissions = ready.plan.readOnly ? "r" : "mrw";
        return [{ containerPath: devicePath, hostPath: ready.plan.path, permissions }];
      }),
    groups: (pod) =>
      extraGroups(
        pod,
        [...(pods.get(uidOf(pod))?.ready.values() ?? [])].flatMap(({ group }) => group ?? []),
      ),
    release: (podUid, signal) =>
      inOrder(checkedUid(podUid), async () => {
        deps.nodeVolumes?.leave(podUid);
        // What is mounted below a driver's mount goes first.
        await unmountSubpaths(deps, options.root, podUid, signal);
        await deps.nodeVolumes?.unmountPod(podUid, signal);
        await releaseVolumes(deps, options.root, podUid, signal);
        deps.tokens.forget(podUid);
        pods.delete(podUid);
      }),
    podsOnDisk: async () => {
      const directory = podsDirectory(options.root);
      if ((await deps.files.information(directory)) === undefined) return [];
      return (await deps.files.list(directory)).filter(({ kind }) => kind === "directory").map(({ name }) => name);
    },
  };

  const mountsOf = async (
    pod: Pod,
    container: Container | EphemeralContainer,
    mountOptions: ContainerMountOptions,
    signal: AbortSignal,
  ): Promise<readonly ContainerMount[]> => {
    const ready = pods.get(uidOf(pod))?.ready ?? new Map<string, ReadyVolume>();
    const plans = new Map([...ready].map(([name, { plan: planned }]) => [name, planned]));
    const seLinuxEnabled = (await options.isSELinuxActive?.(signal)) ?? false;
    return containerMounts(deps, { ...options, seLinuxEnabled }, pod, container, plans, mountOptions, signal);
  };

  return {
    volumes,
    unit: createVolumeRefresh(deps, options.refreshInterval ?? REFRESH_INTERVAL_MS, {
      podsOf: (namespace) =>
        [...pods].flatMap(([uid, { pod }]) =>
          namespace === undefined || pod.metadata?.namespace === namespace ? [uid] : [],
        ),
      refresh: (uid, signal) => inOrder(uid, () => refresh(uid, signal)),
    }),
    volumePaths: (podUid) =>
      [...(pods.get(podUid)?.ready ?? [])].flatMap(([name, { plan: planned, shared, claim, device }]) =>
        device === true
          ? []
          : [
              {
                name,
                path: planned.path,
                ...(claim !== undefined && { claim }),
                ...(shared !== undefined && { shared }),
              },
            ],
      ),
  };
}

function ofClaim(claimed: ClaimedVolume | undefined): Pick<ReadyVolume, "claim" | "group"> {
  if (claimed === undefined) return {};
  const { name = "", namespace = "" } = claimed.claim.metadata ?? {};
  const group = volumeGroupOf(claimed.volume);
  return { claim: { name, namespace }, ...(group !== undefined && { group }) };
}

function kept({ claim, group }: ReadyVolume): Pick<ReadyVolume, "claim" | "group"> {
  return { ...(claim !== undefined && { claim }), ...(group !== undefined && { group }) };
}

function uidOf(pod: Pod): string {
  return checkedUid(pod.metadata?.uid ?? "");
}

function checkedUid(uid: string): string {
  if (!isSafePathName(uid)) throw new OrlopError("Invalid", `pod uid ${JSON.stringify(uid)} cannot name a directory`);
  return uid;
}
