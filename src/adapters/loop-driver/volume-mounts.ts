import type { HostMounts, MountEntry } from "../../ports/host-mounts.ts";
import type { LoopDevice, LoopDevices } from "./loop-devices.ts";
import { imagePath } from "./volume-directory.ts";

/** A volume as the kernel has it now. */
export interface VolumeState {
  readonly devices: readonly LoopDevice[];
  readonly mounts: readonly MountEntry[];
}

export interface VolumeMountsDeps {
  readonly mounts: HostMounts;
  readonly loops: LoopDevices;
}

export interface VolumeMounts {
  /** Read from the kernel each time, so that a restart forgets nothing. Throws when it can not tell. */
  stateOf(volumeId: string, signal: AbortSignal): Promise<VolumeState>;
  /** What is mounted at exactly this path, topmost last. */
  at(path: string, signal: AbortSignal): Promise<readonly MountEntry[]>;
  /** Frees devices of images in this directory that nothing is mounted from: left by a run that ended in between. */
  freeUnused(signal: AbortSignal): Promise<readonly string[]>;
}

export function createVolumeMounts(deps: VolumeMountsDeps, directory: string): VolumeMounts {
  const { mounts, loops } = deps;
  return {
    async stateOf(volumeId, signal) {
      const image = imagePath(directory, volumeId);
      const devices = (await loops.list()).filter(({ backingFile }) => backingFile === image);
      const numbers = new Set(devices.map(({ number }) => number));
      return { devices, mounts: (await mounts.list(signal)).filter(({ device }) => numbers.has(device)) };
    },
    at: async (path, signal) => (await mounts.list(signal)).filter(({ target }) => target === path),
    async freeUnused(signal) {
      const used = new Set((await mounts.list(signal)).map(({ device }) => device));
      const unused = (await loops.list()).filter(
        ({ backingFile, number }) => backingFile.startsWith(`${directory}/`) && !used.has(number),
      );
      for (const { device } of unused) await loops.detach(device, signal);
      return unused.map(({ device }) => device);
    },
  };
}
