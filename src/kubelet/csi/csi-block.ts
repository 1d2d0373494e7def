import type { CSIDriver } from "../../api/types.ts";
import { csiAccessMode } from "../../core/csi/access-mode.ts";
import {
  blockDataDirectory,
  blockDirectory,
  blockPublishDirectory,
  blockPublishPath,
  blockStagingPath,
  podBlockDirectory,
  VOLUME_DATA_FILE,
} from "../../core/csi/csi-paths.ts";
import { attachmentName, type CsiSource, podInformation } from "../../core/csi/csi-source.ts";
import { formatVolumeData, type VolumeData } from "../../core/csi/volume-data.ts";
import { csiPlugin } from "../../core/selinux/persistent-volume.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { type CsiCapability, CsiFailure, type CsiNodeCapability, mayHaveHappened } from "../../ports/csi.ts";
import { mountAt } from "../volumes/mount-lookup.ts";
import type { FoundVolumes, MountAttempt, NodeVolumeSpec, PodMount } from "../volumes/node-volume-plugin.ts";
import type { CsiPluginDeps, CsiPluginOptions } from "./csi-plugin.ts";
import { readVolumeData } from "./read-volume-data.ts";

/** Raw block volumes of CSI drivers (volumeMode: Block), staged and published in upstream's places. */
export interface CsiBlock {
  stage(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<void>;
  /** @returns the device */
  publish(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<PodMount>;
  /** Nothing there is fine. */
  unpublish(target: { readonly podUid: string; readonly specName: string }, signal: AbortSignal): Promise<void>;
  /** Nothing there is fine. */
  unstage(volume: { readonly driver: string; readonly handle: string }, signal: AbortSignal): Promise<void>;
  find(signal: AbortSignal): Promise<FoundVolumes>;
}

export interface CsiBlockDeps extends CsiPluginDeps {
  readonly sourceOf: (spec: NodeVolumeSpec) => CsiSource;
  readonly publishContext: (
    source: CsiSource,
    driver: CSIDriver | undefined,
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, string>>>;
}

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o640;

export function createCsiBlock(deps: CsiBlockDeps, { root, nodeName }: CsiPluginOptions): CsiBlock {
  const { files, objects, sourceOf, publishContext } = deps;

  const capabilityOf = (source: CsiSource, capabilities: ReadonlySet<CsiNodeCapability>): CsiCapability => ({
    accessMode: csiAccessMode(source.accessModes[0] ?? "ReadWriteOnce", capabilities.has("SINGLE_NODE_MULTI_WRITER")),
    block: true,
  });

  /** Before a driver is asked: whatever happens after this, somebody can take it down. */
  async function writeData(source: CsiSource): Promise<void> {
    const directory = blockDataDirectory(root, source.specName);
    const data: VolumeData = {
      specVolID: source.specName,
      volumeHandle: source.handle,
      driverName: source.driver,
      nodeName,
      attachmentID: attachmentName(source, nodeName, deps.digest),
    };
    await files.makeDirectory(directory, DIRECTORY_MODE);
    await files.writeFile(`${directory}/${VOLUME_DATA_FILE}`, formatVolumeData(data), FILE_MODE);
  }

  async function list(path: string): Promise<readonly string[]> {
    if ((await files.information(path)) === undefined) return [];
    return (await files.list(path)).map(({ name }) => name);
  }

  /** Removes a path the driver made or filled, once nothing is mounted there. */
  async function removePath(path: string, driver: string, call: string, signal: AbortSignal): Promise<void> {
    if ((await mountAt(deps, path, signal)) !== undefined) {
      throw new OrlopError(
        "Conflict",
        `CSI driver ${driver} answered ${call} with success, but ${path} is still mounted; nothing is deleted, and it is asked again`,
        { retry: "backoff" },
      );
    }
    await files.remove(path);
  }

  /** Forgets the volume when nothing of it is left. */
  async function forget(specName: string): Promise<void> {
    const published = blockPublishDirectory(root, specName);
    if ((await list(published)).length > 0) return;
    if ((await files.information(blockStagingPath(root, specName))) !== undefined) return;
    const directory = blockDataDirectory(root, specName);
    await files.remove(published);
    await files.remove(`${directory}/${VOLUME_DATA_FILE}`);
    await files.remove(directory);
    await files.remove(`${blockDirectory(root)}/${specName}`);
  }

  /** All that was written down, by the name of the persistent volume. */
  async function known(
    signal: AbortSignal,
  ): Promise<readonly { readonly specName: string; readonly data: VolumeData }[]> {
    const found: { specName: string; data: VolumeData }[] = [];
    for (const specName of await list(blockDirectory(root))) {
      signal.throwIfAborted();
      const data = await readVolumeData(files, blockDataDirectory(root, specName)).catch((reason: unknown) => {
        deps.log.error("A block volume of an earlier kubelet is left alone: its file can not be understood", {
          volume: specName,
          reason: String(reason),
        });
        return undefined;
      });
      if (data !== undefined) found.push({ specName, data });
    }
    return found;
  }

  return {
    async stage(spec, attempt, signal) {
      const source = sourceOf(spec);
      const node = deps.drivers.node(source.driver);
      const driver = await objects.driver(source.driver, signal);
      const capabilities = await node.capabilities(signal);
      const context = await publishContext(source, driver, signal);
      const secrets = source.stageSecret === undefined ? {} : await objects.secret(source.stageSecret, signal);
      const path = blockStagingPath(root, source.specName);
      await writeData(source);
      await files.makeDirectory(path, DIRECTORY_MODE);
      try {
        await node.stage(
          {
            volumeId: source.handle,
            publishContext: context,
            stagingPath: path,
            capability: capabilityOf(source, capabilities),
            secrets,
            volumeContext: source.attributes,
          },
          signal,
        );
      } catch (reason) {
        if (attempt.fresh && !mayHaveHappened(reason)) {
          await removePath(path, source.driver, "", signal);
          await forget(source.specName);
        }
        throw reason;
      }
    },

    async publish(spec, attempt, signal) {
      const source = sourceOf(spec);
      const { pod } = spec;
      const uid = pod.metadata?.uid ?? "";
      const node = deps.drivers.node(source.driver);
      const driver = await objects.driver(source.driver, signal);
      const capabilities = await node.capabilities(signal);
      const context = await publishContext(source, driver, signal);
      const secrets = source.publishSecret === undefined ? {} : await objects.secret(source.publishSecret, signal);
      const tokens = await deps.tokens.of(pod, driver, signal);
      const attributes = driver?.spec?.podInfoOnMount === true ? podInformation(pod, source.mode) : {};
      const path = blockPublishPath(root, uid, source.specName);
      await writeData(source);
      await files.makeDirectory(blockPublishDirectory(root, source.specName), DIRECTORY_MODE);
      try {
        await node.publish(
          {
            volumeId: source.handle,
            publishContext: context,
            stagingPath: capabilities.has("STAGE_UNSTAGE_VOLUME") ? blockStagingPath(root, source.specName) : "",
            targetPath: path,
            readOnly: source.readOnly,
            capability: capabilityOf(source, capabilities),
            secrets: { ...secrets, ...tokens.secrets },
            volumeContext: { ...source.attributes, ...attributes, ...tokens.attributes },
          },
          signal,
        );
      } catch (reason) {
        if (attempt.fresh && !mayHaveHappened(reason)) {
          await removePath(path, source.driver, "", signal);
          await forget(source.specName);
        }
        throw reason;
      }
      const made = await files.information(path, { followLinks: true });
      if (made === undefined || made.kind === "directory") {
        const instead = made === undefined ? "nothing is there" : "a directory is there";
        throw new CsiFailure(
          "Unsupported",
          `CSI driver ${source.driver} answered NodePublishVolume of volume ${spec.specName} with success, but there is no block device at ${path}: ${instead}`,
          "unknown",
          "Unknown",
        );
      }
      // As upstream: what the pod has of block devices can be seen in its folder.
      const link = `${podBlockDirectory(root, uid)}/${source.specName}`;
      await files.makeDirectory(podBlockDirectory(root, uid), DIRECTORY_MODE);
      await files.remove(link);
      await files.symlink(path, link);
      return { path, relabel: false };
    },

    async unpublish({ podUid, specName }, signal) {
      const data = await readVolumeData(files, blockDataDirectory(root, specName));
      if (data === undefined) return;
      const path = blockPublishPath(root, podUid, specName);
      const node = deps.drivers.node(data.driverName);
      await node.unpublish({ volumeId: data.volumeHandle, targetPath: path }, signal);
      await removePath(path, data.driverName, "NodeUnpublishVolume", signal);
      await files.remove(`${podBlockDirectory(root, podUid)}/${specName}`);
      await forget(specName);
    },

    async unstage({ driver, handle }, signal) {
      for (const { specName, data } of await known(signal)) {
        if (data.driverName !== driver || data.volumeHandle !== handle) continue;
        const users = await list(blockPublishDirectory(root, specName));
        if (users.length > 0) {
          const text = `refusing to unstage block volume ${specName}: pods ${users.join(", ")} still have it`;
          throw new OrlopError("Conflict", text, { retry: "backoff" });
        }
        const path = blockStagingPath(root, specName);
        const node = deps.drivers.node(driver);
        if ((await node.capabilities(signal)).has("STAGE_UNSTAGE_VOLUME")) {
          await node.unstage({ volumeId: handle, stagingPath: path }, signal);
        }
        await removePath(path, driver, "NodeUnstageVolume", signal);
        await forget(specName);
      }
    },

    async find(signal) {
      const devices: FoundVolumes["devices"][number][] = [];
      const mounts: FoundVolumes["mounts"][number][] = [];
      for (const { specName, data } of await known(signal)) {
        const pluginName = csiPlugin(data.driverName);
        const id = `${pluginName}^${data.volumeHandle}`;
        if ((await files.information(blockStagingPath(root, specName))) !== undefined) {
          devices.push({ id, pluginName, context: "" });
        }
        for (const podUid of await list(blockPublishDirectory(root, specName))) {
          mounts.push({ id, pluginName, podUid, specName, context: "" });
        }
      }
      return { devices, mounts };
    },
  };
}
