import { conflictText } from "../../core/selinux/volume-conflict-text.ts";
import { canonicalLabel } from "../../core/selinux/label.ts";
import { accessModeLabel } from "../../core/selinux/mount-decision.ts";
import {
  admitUser,
  isForgotten,
  isIdle,
  isTakenByAnother,
  nextStepFor,
  type NodeVolume,
  removeUser,
  UNUSED,
  withDevice,
  withPodMount,
} from "../../core/volumes/node-volume.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { createInOrder } from "../../machinery/in-order.ts";
import { createLimit, type Limit } from "../../machinery/limit.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import { mayHaveHappened } from "../../ports/csi.ts";
import type { Log } from "../../ports/log.ts";
import { createWake } from "../pods/wake.ts";
import { createAttempts } from "./attempts.ts";
import type { NodeVolumePlugin, NodeVolumeSpec, PodMount } from "./node-volume-plugin.ts";
import type { SELinuxDemands } from "./selinux-demands.ts";
import type { ObserveSELinux } from "./selinux-metrics.ts";

export interface NodeVolumesDeps {
  /** The plugin of an id; undefined for a kind nobody here knows. */
  readonly pluginFor: (id: string) => NodeVolumePlugin | undefined;
  /** All of them, for what is left after a restart. */
  readonly plugins: readonly NodeVolumePlugin[];
  readonly demands: SELinuxDemands;
  readonly observe: ObserveSELinux;
  readonly clock: Clock;
  readonly log: Log;
}

/** The volumes pods of this node may share, from the wish to the mount and back. */
export interface NodeVolumes {
  /** Makes a volume ready for a pod; quick when it is. Throws OrlopError while it has to wait. */
  mount(spec: NodeVolumeSpec, signal: AbortSignal): Promise<PodMount>;
  /** Mounts what is mounted already once more, for drivers that ask for it. */
  remount(spec: NodeVolumeSpec, signal: AbortSignal): Promise<void>;
  /** The pod's containers are gone: others may have its volumes as soon as they are unmounted. */
  leave(podUid: string): void;
  /** Unmounts all of the pod's. */
  unmountPod(podUid: string, signal: AbortSignal): Promise<void>;
  /** Ids of volumes that are wanted or may be mounted and have to stay attached for that. */
  attached(): readonly string[];
  /** Unmounts devices nobody needs any more. */
  readonly unit: Unit;
  /** Called when something was unmounted or may be tried again: who waits for a volume may look. */
  onFreed(listener: () => void): void;
}

/** Work of one driver at a time: a driver that hangs fills its own places only. */
const MOST_FOR_A_PLUGIN = 64;
const LONGEST_IDLE_WAIT_MS = 60_000;

/** Longer than most files: all steps share one table of volumes, which nobody else may change. */
export function createNodeVolumes(deps: NodeVolumesDeps): NodeVolumes {
  const { clock, log } = deps;
  const volumes = new Map<string, NodeVolume>();
  const pluginNames = new Map<string, string>();
  /** Volumes of a pod: id by the name of the volume. */
  const ofPod = new Map<string, Map<string, string>>();
  const inOrder = createInOrder();
  const limits = new Map<string, Limit>();
  /** Volumes of which it is known that they need not be attached. */
  const unattached = new Set<string>();
  const attempts = createAttempts(clock);
  const freed: (() => void)[] = [];
  const idle = createWake(clock);
  let found: Promise<void> | undefined;

  const volumeOf = (id: string): NodeVolume => volumes.get(id) ?? UNUSED;
  const keep = (id: string, volume: NodeVolume): void => {
    if (isForgotten(volume)) {
      volumes.delete(id);
      pluginNames.delete(id);
      unattached.delete(id);
      attempts.succeeded(`device ${id}`);
    } else volumes.set(id, volume);
    if (isIdle(volume)) idle.ring();
  };
  const change = (id: string, by: (volume: NodeVolume) => NodeVolume): void => keep(id, by(volumeOf(id)));
  const tellFreed = (): void => freed.forEach((listener) => listener());
  const pluginOf = (id: string): NodeVolumePlugin => {
    const plugin = deps.pluginFor(id);
    if (plugin === undefined) throw new OrlopError("Unsupported", `no volume plugin for ${id}`);
    return plugin;
  };
  const limited = <T>(id: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const name = pluginNames.get(id) ?? id;
    const limit = limits.get(name) ?? createLimit(MOST_FOR_A_PLUGIN);
    limits.set(name, limit);
    return limit(work, signal);
  };

  /** What an earlier kubelet left behind, once. Until it is known nothing is mounted and nothing unmounted. */
  function reconstructed(signal: AbortSignal): Promise<void> {
    found ??= reconstruct(signal).catch((reason: unknown) => {
      found = undefined;
      throw new OrlopError("Unavailable", `cannot tell which volumes are mounted: ${messageOf(reason)}`, {
        cause: reason,
      });
    });
    return found;
  }

  async function reconstruct(signal: AbortSignal): Promise<void> {
    const all = await Promise.all(deps.plugins.map((plugin) => plugin.find(signal)));
    for (const { id, pluginName, context } of all.flatMap(({ devices }) => devices)) {
      pluginNames.set(id, pluginName);
      change(id, (volume) => withDevice(volume, { at: "uncertain", context: canonicalLabel(context) }));
    }
    for (const { id, pluginName, podUid, specName, context } of all.flatMap(({ mounts }) => mounts)) {
      pluginNames.set(id, pluginName);
      remember(podUid, specName, id);
      change(id, (volume) => withPodMount(volume, podUid, { at: "uncertain", context: canonicalLabel(context) }));
    }
    if (volumes.size > 0) log.info("Volumes of an earlier kubelet were found", { volumes: volumes.size });
  }

  function remember(podUid: string, specName: string, id: string): void {
    const own = ofPod.get(podUid) ?? new Map<string, string>();
    own.set(specName, id);
    ofPod.set(podUid, own);
  }

  async function admit(spec: NodeVolumeSpec, plugin: NodeVolumePlugin, signal: AbortSignal): Promise<void> {
    const { id, pod, persistentVolume, pluginName } = spec;
    const { uid = "", namespace = "", name = "" } = pod.metadata ?? {};
    if (volumeOf(id).users.has(uid)) return;
    const demand = await deps.demands.demandOf(
      {
        pod,
        volumeName: spec.volume.name,
        displayName: spec.specName,
        ...(persistentVolume !== undefined && { persistentVolume }),
        supportsContext: (asked) => plugin.supportsContext(spec, asked),
      },
      signal,
    );
    const needsAttachment = await plugin.needsAttachment(spec, signal);
    const admission = admitUser(volumeOf(id), { ...demand, podUid: uid, pod: { namespace, name } });
    const accessMode = accessModeLabel(modesOf(spec));
    switch (admission.verdict) {
      case "admitted":
        pluginNames.set(id, pluginName);
        if (needsAttachment) unattached.delete(id);
        else unattached.add(id);
        remember(uid, spec.specName, id);
        keep(id, admission.volume);
        if (admission.first && demand.wanted !== "") {
          deps.observe({ what: "admitted", plugin: pluginName, accessMode });
        }
        if (admission.mismatch) deps.observe({ what: "volume", plugin: pluginName, accessMode, blocks: false });
        return;
      case "conflict": {
        deps.observe({ what: "volume", plugin: pluginName, accessMode, blocks: true });
        const labels = { used: admission.used, wanted: demand.wanted };
        const text = conflictText(spec.specName, namespace, labels, admission.by);
        throw new OrlopError("Conflict", text, { retry: "backoff" });
      }
      case "wait-for-unmount":
        throw waiting(id);
    }
  }

  /** Tries with a growing pause between failures; a pause is told with the failure that caused it. */
  async function tried<T>(key: string, work: () => Promise<T>): Promise<T> {
    const blocked = attempts.blocked(key);
    if (blocked !== undefined) throw new OrlopError("Unavailable", blocked.message);
    try {
      const result = await work();
      attempts.succeeded(key);
      return result;
    } catch (reason) {
      attempts.failed(key, messageOf(reason));
      throw reason;
    }
  }

  async function mountDevice(spec: NodeVolumeSpec, plugin: NodeVolumePlugin, signal: AbortSignal): Promise<void> {
    const { id } = spec;
    const { device, desired } = volumeOf(id);
    const fresh = device.at === "none";
    change(id, (volume) => withDevice(volume, { at: "uncertain", context: desired.context }));
    try {
      await tried(`device ${id}`, () =>
        limited(id, () => plugin.mountDevice(spec, { context: desired.contextText, fresh }, signal), signal),
      );
    } catch (reason) {
      if (fresh && !mayHaveHappened(reason)) change(id, (volume) => withDevice(volume, { at: "none" }));
      throw prefixed("MountVolume.MountDevice failed", spec, reason);
    }
    change(id, (volume) => withDevice(volume, { at: "mounted", context: desired.context }));
  }

  async function mountPod(spec: NodeVolumeSpec, plugin: NodeVolumePlugin, signal: AbortSignal): Promise<PodMount> {
    const { id, pod } = spec;
    const uid = pod.metadata?.uid ?? "";
    const { desired, mounts } = volumeOf(id);
    if (isOnePodOnly(spec) && isTakenByAnother(volumeOf(id), uid)) {
      const text = "volume uses the ReadWriteOncePod access mode and is already in use by another pod";
      throw prefixed("MountVolume.SetUp failed", spec, new OrlopError("Conflict", text, { retry: "backoff" }));
    }
    const before = mounts.get(uid);
    change(id, (volume) => withPodMount(volume, uid, { at: "uncertain", context: desired.context }));
    try {
      const mounted = await tried(`pod ${uid} ${id}`, () => {
        const attempt = { context: desired.contextText, fresh: before === undefined };
        return limited(id, () => plugin.mountPod(spec, attempt, signal), signal);
      });
      change(id, (volume) => withPodMount(volume, uid, { at: "mounted", context: desired.context }));
      return mounted;
    } catch (reason) {
      if (before === undefined && !mayHaveHappened(reason)) {
        change(id, (volume) => withPodMount(volume, uid, { at: "none" }));
      }
      throw prefixed("MountVolume.SetUp failed", spec, reason);
    }
  }

  /** Step by step until the pod has it. */
  async function bringUp(spec: NodeVolumeSpec, plugin: NodeVolumePlugin, signal: AbortSignal): Promise<PodMount> {
    const { id } = spec;
    const uid = spec.pod.metadata?.uid ?? "";
    const hasDevice = await plugin.hasDevice(spec, signal).catch((reason: unknown) => {
      throw prefixed("MountVolume.MountDevice failed", spec, reason);
    });
    for (;;) {
      signal.throwIfAborted();
      if (!volumeOf(id).users.has(uid)) throw new OrlopError("Cancelled", `pod ${uid} does not use ${id} any more`);
      const step = nextStepFor(volumeOf(id), uid, hasDevice);
      switch (step.do) {
        case "wait-for-unmount":
          throw waiting(id);
        case "unmount-device":
          await unmountDevice(id, signal);
          break;
        case "mount-device":
          await mountDevice(spec, plugin, signal);
          break;
        case "mount-pod":
        // Also what is ready: whoever asks needs to know where, and after a restart nobody remembers.
        case "nothing":
          return mountPod(spec, plugin, signal);
      }
    }
  }

  async function unmountDevice(id: string, signal: AbortSignal): Promise<void> {
    const { device } = volumeOf(id);
    if (device.at === "none") return;
    change(id, (volume) => withDevice(volume, { at: "uncertain", context: device.context }));
    await tried(`device ${id}`, () => limited(id, () => pluginOf(id).unmountDevice(id, signal), signal));
    change(id, (volume) => withDevice(volume, { at: "none" }));
    tellFreed();
  }

  async function unmountOne(podUid: string, specName: string, id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (volumeOf(id).mounts.has(podUid)) {
      const key = `pod ${podUid} ${id}`;
      await tried(key, () => limited(id, () => pluginOf(id).unmountPod({ podUid, specName }, signal), signal));
    }
    change(id, (volume) => withPodMount(removeUser(volume, podUid), podUid, { at: "none" }));
    ofPod.get(podUid)?.delete(specName);
    tellFreed();
  }

  const ready = new Map<string, PodMount>();
  const readyKey = (podUid: string, id: string): string => `${podUid} ${id}`;

  return {
    async mount(spec, signal) {
      await reconstructed(signal);
      const plugin = pluginOf(spec.id);
      const uid = spec.pod.metadata?.uid ?? "";
      await admit(spec, plugin, signal);
      const known = ready.get(readyKey(uid, spec.id));
      if (known !== undefined && volumeOf(spec.id).mounts.get(uid)?.at === "mounted") return known;
      const mounted = await orAborted(
        inOrder(spec.id, () => bringUp(spec, plugin, signal)),
        signal,
      );
      ready.set(readyKey(uid, spec.id), mounted);
      return mounted;
    },
    async remount(spec, signal) {
      const plugin = pluginOf(spec.id);
      const uid = spec.pod.metadata?.uid ?? "";
      const again = async (): Promise<void> => {
        const { mounts, desired } = volumeOf(spec.id);
        if (mounts.get(uid)?.at !== "mounted") return;
        const attempt = { context: desired.contextText, fresh: false };
        await tried(`pod ${uid} ${spec.id}`, () =>
          limited(spec.id, () => plugin.mountPod(spec, attempt, signal), signal),
        );
      };
      await orAborted(inOrder(spec.id, again), signal);
    },
    leave(podUid) {
      for (const id of ofPod.get(podUid)?.values() ?? []) {
        ready.delete(readyKey(podUid, id));
        // A pause after failed mounting is none for unmounting.
        attempts.succeeded(`pod ${podUid} ${id}`);
        change(id, (volume) => removeUser(volume, podUid));
      }
    },
    async unmountPod(podUid, signal) {
      await reconstructed(signal);
      const own = [...(ofPod.get(podUid) ?? [])];
      const results = await Promise.allSettled(
        own.map(([specName, id]) =>
          orAborted(
            inOrder(id, () => unmountOne(podUid, specName, id, signal)),
            signal,
          ),
        ),
      );
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
      ofPod.delete(podUid);
    },
    attached: () => [...volumes.keys()].filter((id) => !unattached.has(id)),
    onFreed: (listener) => freed.push(listener),
    unit: {
      name: "volume devices",
      async run(signal, begun) {
        begun();
        const working = new Map<string, Promise<void>>();
        const unmountIdle = async (id: string): Promise<void> => {
          // Whoever came in between is seen once it is this one's turn.
          if (isIdle(volumeOf(id))) await unmountDevice(id, signal);
        };
        while (!signal.aborted) {
          await reconstructed(signal).catch((reason: unknown) => {
            if (!signal.aborted) log.warn(messageOf(reason));
          });
          let next = LONGEST_IDLE_WAIT_MS;
          for (const [id, volume] of volumes) {
            if (!isIdle(volume) || working.has(id)) continue;
            const blocked = attempts.blocked(`device ${id}`);
            if (blocked !== undefined) {
              next = Math.min(next, blocked.forMs);
              continue;
            }
            const work = inOrder(id, () => unmountIdle(id))
              .catch((reason: unknown) => {
                if (!signal.aborted)
                  log.warn("A volume can not be unmounted, trying again", { id, reason: messageOf(reason) });
              })
              .finally(() => {
                working.delete(id);
                idle.ring();
              });
            working.set(id, work);
          }
          await idle.wait(next, signal).catch(() => undefined);
        }
        await Promise.allSettled(working.values());
      },
    },
  };
}

function waiting(id: string): OrlopError {
  return new OrlopError(
    "Unavailable",
    `waiting for unmount of volume "${id}", because it is already mounted to a different pod with a different SELinux label`,
  );
}

function prefixed(what: string, { specName }: NodeVolumeSpec, reason: unknown): OrlopError {
  const code = reason instanceof OrlopError ? reason.code : "Internal";
  return new OrlopError(code, `${what} for volume "${specName}" : ${messageOf(reason)}`, {
    cause: reason,
    retry: "backoff",
  });
}

function modesOf({ persistentVolume }: NodeVolumeSpec): Parameters<typeof accessModeLabel>[0] {
  if (persistentVolume === undefined) return undefined;
  const modes = persistentVolume.spec?.accessModes ?? [];
  return modes.filter(
    (mode) =>
      mode === "ReadWriteOnce" || mode === "ReadOnlyMany" || mode === "ReadWriteMany" || mode === "ReadWriteOncePod",
  );
}

function isOnePodOnly({ persistentVolume }: NodeVolumeSpec): boolean {
  const modes = persistentVolume?.spec?.accessModes ?? [];
  return modes.length === 1 && modes[0] === "ReadWriteOncePod";
}

/** Whoever waits may give up at once; the work goes on and ends by its own deadline. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
