import type { CSIDriver, Pod } from "../../api/types.ts";
import { csiAccessMode } from "../../core/csi/access-mode.ts";
import {
  publishDirectory,
  publishMetaDirectory,
  publishPath,
  stagingDirectory,
  stagingPath,
  VOLUME_DATA_FILE,
} from "../../core/csi/csi-paths.ts";
import {
  attachmentName,
  type CsiSource,
  inlineCsiSource,
  inlineHandle,
  lifecycleProblem,
  persistentCsiSource,
  podInformation,
  requiresAttachment,
} from "../../core/csi/csi-source.ts";
import { type GroupRule, groupRule } from "../../core/csi/group-rule.ts";
import { formatVolumeData, type VolumeData } from "../../core/csi/volume-data.ts";
import { appliedContext, hasLabelSupport } from "../../core/selinux/applied-context.ts";
import { contextMountOption } from "../../core/selinux/mount-decision.ts";
import { driverOfPlugin } from "../../core/selinux/persistent-volume.ts";
import { isSafePathName } from "../../core/volumes/pod-paths.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { CsiFailure, type CsiMount, type CsiNode, type CsiNodeCapability, mayHaveHappened } from "../../ports/csi.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts, MountEntry } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import { mountAt, podMountsOf } from "../volumes/mount-lookup.ts";
import {
  isBlock,
  type MountAttempt,
  type NodeVolumePlugin,
  type NodeVolumeSpec,
  type PodMount,
} from "../volumes/node-volume-plugin.ts";
import type { ApplyGroup } from "../volumes/apply-group.ts";
import { createCsiBlock } from "./csi-block.ts";
import type { CsiDrivers } from "./csi-drivers.ts";
import type { CsiObjects } from "./csi-objects.ts";
import type { CsiTokens } from "./csi-tokens.ts";
import { findCsiVolumes } from "./find-csi-volumes.ts";
import { readVolumeData } from "./read-volume-data.ts";

export interface CsiPluginDeps {
  readonly drivers: Pick<CsiDrivers, "node">;
  readonly objects: CsiObjects;
  readonly tokens: CsiTokens;
  readonly files: Files;
  readonly mounts: Pick<HostMounts, "list">;
  readonly applyGroup: ApplyGroup;
  readonly digest: (text: string) => string;
  readonly log: Log;
}

export interface CsiPluginOptions {
  /** The kubelet's root directory. */
  readonly root: string;
  readonly nodeName: string;
}

/** @returns undefined when the volume is not CSI */
export function csiSourceOf(spec: NodeVolumeSpec, digest: (text: string) => string): CsiSource | undefined {
  if (spec.persistentVolume !== undefined) return persistentCsiSource(spec.persistentVolume, spec.readOnly);
  return inlineCsiSource(spec.pod, spec.volume, inlineHandle(spec.pod.metadata?.uid ?? "", spec.volume.name, digest));
}

/**
 * Volumes of CSI drivers, staged and published in upstream's places and order. Longer than most files: what is written
 * before a call, undone after its failure and removed at the end is read side by side.
 */
export function createCsiPlugin(deps: CsiPluginDeps, options: CsiPluginOptions): NodeVolumePlugin {
  const { files, objects, digest } = deps;
  const { root } = options;

  const sourceOf = (spec: NodeVolumeSpec): CsiSource => {
    const source = csiSourceOf(spec, digest);
    if (source === undefined) throw new OrlopError("Internal", `volume ${spec.specName} is not a CSI volume`);
    // They become names of directories.
    if (!isSafePathName(source.driver) || !isSafePathName(source.specName)) {
      throw new OrlopError("Invalid", `volume ${spec.specName} of driver ${source.driver} can not name a directory`);
    }
    return source;
  };
  const stagingPathOf = (driver: string, handle: string): string => stagingPath(root, driver, digest(handle));

  async function publishContext(
    source: CsiSource,
    driver: CSIDriver | undefined,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    if (source.mode === "Ephemeral" || !requiresAttachment(driver)) return {};
    return objects.attachment(source, signal);
  }

  function mountOf(
    source: CsiSource,
    context: string,
    capabilities: ReadonlySet<CsiNodeCapability>,
    group: { readonly rule: GroupRule; readonly fsGroup: number | undefined },
  ): CsiMount {
    return {
      accessMode: csiAccessMode(source.accessModes[0] ?? "ReadWriteOnce", capabilities.has("SINGLE_NODE_MULTI_WRITER")),
      fsType: source.fsType,
      mountFlags: context === "" ? source.mountOptions : [...source.mountOptions, contextMountOption(context)],
      ...(group.rule === "driver" && group.fsGroup !== undefined && { mountGroup: String(group.fsGroup) }),
    };
  }

  function groupOf(
    source: CsiSource,
    pod: Pod,
    driver: CSIDriver | undefined,
    capabilities: ReadonlySet<CsiNodeCapability>,
  ): { readonly rule: GroupRule; readonly fsGroup: number | undefined } {
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const rule = groupRule(source, fsGroup, driver, capabilities.has("VOLUME_MOUNT_GROUP"));
    if (!rule.ok) throw new OrlopError("Unavailable", `failed to check fsGroup policy: ${rule.reason}`);
    return { rule: rule.value, fsGroup };
  }

  /** Removes what was made for a mount, once nothing is mounted there. */
  async function removeMountPoint(path: string, driver: string, call: string, signal: AbortSignal): Promise<void> {
    const directory = path.slice(0, path.lastIndexOf("/"));
    if ((await files.information(directory)) === undefined) return;
    if ((await mountAt(deps, path, signal)) !== undefined) {
      throw new OrlopError(
        "Conflict",
        `CSI driver ${driver} answered ${call} with success, but ${path} is still mounted; nothing is deleted, and it is asked again`,
        { retry: "backoff" },
      );
    }
    await files.remove(path);
    await files.remove(`${directory}/${VOLUME_DATA_FILE}`);
    await files.remove(directory);
  }

  const readData = (directory: string): Promise<VolumeData | undefined> => readVolumeData(files, directory);

  /** What was asked for was done, or the driver is to blame. Without an entry in the mount table nothing can be told. */
  function checkContext(driver: string, specName: string, mount: MountEntry, context: string): void {
    if (context === "") return;
    const found = appliedContext(mount.superOptions, context);
    if (found.applied === "as-asked") return;
    const instead = found.applied === "none" ? "without a context" : `with context ${JSON.stringify(found.context)}`;
    throw new OrlopError(
      "Unsupported",
      `CSI driver ${driver} was asked to mount volume ${specName} with -o ${contextMountOption(context)} (CSIDriver ${driver} has seLinuxMount: true), but mounted it ${instead}: ` +
        "the driver must pass mount flags on and its container needs the host's /sys/fs/selinux and /etc/selinux/config; until it does, set seLinuxMount: false",
      { retry: "backoff" },
    );
  }

  async function mountDevice(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<void> {
    const source = sourceOf(spec);
    const node = deps.drivers.node(source.driver);
    const driver = await objects.driver(source.driver, signal);
    const capabilities = await node.capabilities(signal);
    const context = await publishContext(source, driver, signal);
    const secrets = source.stageSecret === undefined ? {} : await objects.secret(source.stageSecret, signal);
    const path = stagingPathOf(source.driver, source.handle);
    const directory = stagingDirectory(root, source.driver, digest(source.handle));
    const data: VolumeData = {
      volumeHandle: source.handle,
      driverName: source.driver,
      ...(attempt.context !== "" && { seLinuxMountContext: attempt.context }),
    };
    await files.makeDirectory(directory, DIRECTORY_MODE);
    // Written first: whatever happens after this, somebody can take it down.
    await files.writeFile(`${directory}/${VOLUME_DATA_FILE}`, formatVolumeData(data), FILE_MODE);
    if ((await mountAt(deps, path, signal)) === undefined) await files.makeDirectory(path, DIRECTORY_MODE);
    const group = groupOf(source, spec.pod, driver, capabilities);
    try {
      await node.stage(
        {
          volumeId: source.handle,
          publishContext: context,
          stagingPath: path,
          capability: mountOf(source, attempt.context, capabilities, group),
          secrets,
          volumeContext: source.attributes,
        },
        signal,
      );
    } catch (reason) {
      if (attempt.fresh && !mayHaveHappened(reason)) await removeMountPoint(path, source.driver, "", signal);
      throw reason;
    }
    const mount = await mountAt(deps, path, signal);
    if (mount === undefined) return;
    try {
      checkContext(source.driver, spec.specName, mount, attempt.context);
    } catch (reason) {
      await undone(() => unstage(node, source.driver, source.handle, signal));
      throw reason;
    }
  }

  async function mountPod(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<PodMount> {
    const source = sourceOf(spec);
    const { pod } = spec;
    const uid = pod.metadata?.uid ?? "";
    const node = deps.drivers.node(source.driver);
    const driver = await objects.driver(source.driver, signal);
    const problem = lifecycleProblem(source, driver);
    if (problem !== undefined) throw new OrlopError("Unavailable", `failed to check volume lifecycle mode: ${problem}`);
    const capabilities = await node.capabilities(signal);
    const staged = source.mode === "Persistent" && capabilities.has("STAGE_UNSTAGE_VOLUME");
    const context = await publishContext(source, driver, signal);
    const secrets = source.publishSecret === undefined ? {} : await objects.secret(source.publishSecret, signal);
    const tokens = await deps.tokens.of(pod, driver, signal);
    const group = groupOf(source, pod, driver, capabilities);
    const path = publishPath(root, uid, source.specName);
    const directory = publishDirectory(root, uid, source.specName);
    const data: VolumeData = {
      specVolID: source.specName,
      volumeHandle: source.handle,
      driverName: source.driver,
      nodeName: options.nodeName,
      volumeLifecycleMode: source.mode,
      attachmentID: attachmentName(source, options.nodeName, digest),
      ...(attempt.context !== "" && { seLinuxMountContext: attempt.context }),
    };
    await files.makeDirectory(directory, DIRECTORY_MODE);
    await files.writeFile(`${directory}/${VOLUME_DATA_FILE}`, formatVolumeData(data), FILE_MODE);
    const attributes = driver?.spec?.podInfoOnMount === true ? podInformation(pod, source.mode) : {};
    try {
      await node.publish(
        {
          volumeId: source.handle,
          publishContext: context,
          stagingPath: staged ? stagingPathOf(source.driver, source.handle) : "",
          targetPath: path,
          readOnly: source.readOnly,
          capability: mountOf(source, attempt.context, capabilities, group),
          secrets: { ...secrets, ...tokens.secrets },
          volumeContext: { ...source.attributes, ...attributes, ...tokens.attributes },
        },
        signal,
      );
    } catch (reason) {
      if (attempt.fresh && !mayHaveHappened(reason)) await removeMountPoint(path, source.driver, "", signal);
      throw reason;
    }
    const relabel = await checkPublished(spec, source, path, attempt, node, signal);
    // Once: a second time would change modes the pod's containers chose since.
    const done = `${publishMetaDirectory(root, uid, source.specName)}/ready`;
    if (!attempt.fresh && (await files.information(done)) !== undefined) return { path, relabel };
    if (group.rule === "kubelet" && group.fsGroup !== undefined) {
      const onlyOnRootMismatch = pod.spec?.securityContext?.fsGroupChangePolicy === "OnRootMismatch";
      await uncertain(
        () =>
          deps.applyGroup(path, { group: group.fsGroup ?? 0, readOnly: source.readOnly }, onlyOnRootMismatch, signal),
        `applyFSGroup failed for vol ${source.handle}`,
      );
    }
    await files.makeDirectory(publishMetaDirectory(root, uid, source.specName), DIRECTORY_MODE);
    await files.writeFile(done, "", FILE_MODE);
    return { path, relabel };
  }

  /** @returns whether the runtime may relabel the files */
  async function checkPublished(
    spec: NodeVolumeSpec,
    source: CsiSource,
    path: string,
    attempt: MountAttempt,
    node: CsiNode,
    signal: AbortSignal,
  ): Promise<boolean> {
    const mount = await uncertain(() => mountAt(deps, path, signal), "error checking for SELinux support");
    if (mount === undefined) {
      if (attempt.context === "") return false;
      throw new CsiFailure(
        "Unsupported",
        `CSI driver ${source.driver} answered NodePublishVolume of volume ${spec.specName} with success, but nothing is mounted at ${path}: it can not be told whether the files have the label ${JSON.stringify(attempt.context)}`,
        "unknown",
        "Unknown",
      );
    }
    try {
      checkContext(source.driver, spec.specName, mount, attempt.context);
    } catch (reason) {
      if (attempt.fresh) await undone(() => unpublish(node, source.driver, source.handle, path, signal));
      throw reason;
    }
    return attempt.context === "" && !source.readOnly && hasLabelSupport(mount.superOptions);
  }

  /** A failed step back leaves a mount that is known to be uncertain; it is taken down with the pod. */
  async function undone(work: () => Promise<void>): Promise<void> {
    await work().catch((reason: unknown) => {
      throw new CsiFailure("Internal", String(reason), "unknown", "Unknown", reason);
    });
  }

  async function unpublish(
    node: CsiNode,
    driver: string,
    volumeId: string,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    await node.unpublish({ volumeId, targetPath: path }, signal);
    await removeMountPoint(path, driver, "NodeUnpublishVolume", signal);
  }

  async function unstage(node: CsiNode, driver: string, volumeId: string, signal: AbortSignal): Promise<void> {
    const path = stagingPathOf(driver, volumeId);
    const capabilities = await node.capabilities(signal);
    if (capabilities.has("STAGE_UNSTAGE_VOLUME")) await node.unstage({ volumeId, stagingPath: path }, signal);
    await removeMountPoint(path, driver, "NodeUnstageVolume", signal);
  }

  const block = createCsiBlock({ ...deps, sourceOf, publishContext }, options);

  return {
    async hasDevice(spec, signal) {
      const source = sourceOf(spec);
      if (source.mode === "Ephemeral") return false;
      return (await deps.drivers.node(source.driver).capabilities(signal)).has("STAGE_UNSTAGE_VOLUME");
    },
    async needsAttachment(spec, signal) {
      const source = sourceOf(spec);
      return source.mode === "Persistent" && requiresAttachment(await objects.driver(source.driver, signal));
    },
    async supportsContext(spec, signal) {
      if (isBlock(spec)) return false;
      const source = sourceOf(spec);
      return (await objects.driver(source.driver, signal))?.spec?.seLinuxMount === true;
    },
    mountDevice: (spec, attempt, signal) =>
      isBlock(spec) ? block.stage(spec, attempt, signal) : mountDevice(spec, attempt, signal),
    mountPod: (spec, attempt, signal) =>
      isBlock(spec) ? block.publish(spec, attempt, signal) : mountPod(spec, attempt, signal),
    async unmountPod({ podUid, specName }, signal) {
      const directory = publishDirectory(root, podUid, specName);
      const data = await readData(directory);
      if (data === undefined) return block.unpublish({ podUid, specName }, signal);
      const path = publishPath(root, podUid, specName);
      await unpublish(deps.drivers.node(data.driverName), data.driverName, data.volumeHandle, path, signal);
      await files.remove(`${publishMetaDirectory(root, podUid, specName)}/ready`);
    },
    async unmountDevice(id, signal) {
      const { driver, handle } = partsOf(id);
      const directory = stagingDirectory(root, driver, digest(handle));
      if ((await readData(directory)) === undefined) return block.unstage({ driver, handle }, signal);
      const path = stagingPathOf(driver, handle);
      const device = await mountAt(deps, path, signal);
      const others = device === undefined ? [] : await podMountsOf(deps, root, device, signal);
      if (others.length > 0) {
        throw new OrlopError("Conflict", `refusing to unstage ${id}: it is still mounted at ${others.join(", ")}`, {
          retry: "backoff",
        });
      }
      await unstage(deps.drivers.node(driver), driver, handle, signal);
    },
    async find(signal) {
      const [mounted, devices] = await Promise.all([
        findCsiVolumes({ files, mounts: deps.mounts, log: deps.log }, root, signal),
        block.find(signal),
      ]);
      return {
        devices: [...mounted.devices, ...devices.devices],
        mounts: [...mounted.mounts, ...devices.mounts],
      };
    },
  };
}

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o640;

/** The volume is mounted: if this fails it has to be taken down again. */
async function uncertain<T>(work: () => Promise<T>, what: string): Promise<T> {
  try {
    return await work();
  } catch (reason) {
    const text = reason instanceof Error ? reason.message : String(reason);
    throw new CsiFailure("Internal", `${what}: ${text}`, "unknown", "Unknown", reason);
  }
}

function partsOf(id: string): { readonly driver: string; readonly handle: string } {
  const at = id.indexOf("^");
  const driver = at < 0 ? undefined : driverOfPlugin(id.slice(0, at));
  if (driver === undefined) throw new OrlopError("Internal", `${id} is not the name of a CSI volume`);
  return { driver, handle: id.slice(at + 1) };
}
