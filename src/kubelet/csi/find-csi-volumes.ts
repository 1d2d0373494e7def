import { csiPluginDirectory, podCsiDirectory, VOLUME_DATA_FILE } from "../../core/csi/csi-paths.ts";
import { parseVolumeData, type VolumeData } from "../../core/csi/volume-data.ts";
import { csiPlugin } from "../../core/selinux/persistent-volume.ts";
import { podsDirectory } from "../../core/volumes/pod-paths.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import type { FoundVolumes } from "../volumes/node-volume-plugin.ts";

export interface FindCsiVolumesDeps {
  readonly files: Pick<Files, "information" | "list" | "read">;
  readonly mounts: Pick<HostMounts, "list">;
  readonly log: Log;
}

const DATA_LIMIT_BYTES = 64 * 1024;

/**
 * CSI volumes an earlier kubelet has on this node, by the files it left. A file that can not be read is told and passed
 * over: what it stands for is left alone, it is neither used nor unmounted.
 */
export async function findCsiVolumes(
  deps: FindCsiVolumesDeps,
  root: string,
  signal: AbortSignal,
): Promise<FoundVolumes> {
  const { files, log } = deps;
  const list = async (path: string): Promise<readonly string[]> => {
    signal.throwIfAborted();
    if ((await files.information(path)) === undefined) return [];
    return (await files.list(path)).filter(({ kind }) => kind === "directory").map(({ name }) => name);
  };
  const read = async (directory: string): Promise<VolumeData | undefined> => {
    const path = `${directory}/${VOLUME_DATA_FILE}`;
    try {
      const data = parseVolumeData(new TextDecoder().decode(await files.read(path, DATA_LIMIT_BYTES)));
      if (data.ok) return data.value;
      log.error("A volume of an earlier kubelet is left alone: its file can not be understood", {
        path,
        reason: data.reason,
      });
    } catch (reason) {
      if (!(reason instanceof OrlopError && reason.code === "NotFound")) throw reason;
    }
    return undefined;
  };

  const devices: FoundVolumes["devices"][number][] = [];
  const plugins = csiPluginDirectory(root);
  for (const driver of await list(plugins)) {
    for (const volume of await list(`${plugins}/${driver}`)) {
      const data = await read(`${plugins}/${driver}/${volume}`);
      if (data === undefined || data.driverName !== driver) continue;
      devices.push({ ...identify(data), context: data.seLinuxMountContext ?? "" });
    }
  }
  const mounts: FoundVolumes["mounts"][number][] = [];
  for (const podUid of await list(podsDirectory(root))) {
    const directory = podCsiDirectory(root, podUid);
    for (const name of await list(directory)) {
      const data = await read(`${directory}/${name}`);
      if (data === undefined) continue;
      const specName = data.specVolID ?? name;
      mounts.push({ ...identify(data), podUid, specName, context: data.seLinuxMountContext ?? "" });
    }
  }
  return { devices, mounts };
}

function identify({ driverName, volumeHandle }: VolumeData): { readonly id: string; readonly pluginName: string } {
  const pluginName = csiPlugin(driverName);
  return { pluginName, id: `${pluginName}^${volumeHandle}` };
}
