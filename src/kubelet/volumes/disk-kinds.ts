import {
  type FibreChannelSource,
  type FibreChannelTarget,
  fibreChannelFolder,
  fibreChannelLinks,
  fibreChannelTargetOf,
} from "../../core/volumes/fibre-channel.ts";
import {
  formatIscsiFile,
  iscsiFolder,
  type IscsiSource,
  type IscsiTarget,
  iscsiTargetOf,
  parseIscsiFile,
} from "../../core/volumes/iscsi.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";
import type { HostDisks, IscsiLogin } from "../../ports/host-disks.ts";
import type { NodeVolumeSpec } from "./node-volume-plugin.ts";

/** What differs between kinds of disks; mounting them does not. */
export interface DiskWays {
  /** Below the plugin's folder. */
  folderOf(spec: NodeVolumeSpec): string;
  fsTypeOf(spec: NodeVolumeSpec): string;
  isReadOnly(spec: NodeVolumeSpec): boolean;
  /** Makes the disk appear. `directory` is where it will be mounted: what is written there is seen again after that. */
  attach(spec: NodeVolumeSpec, directory: string, signal: AbortSignal): Promise<string>;
  /** @param device where it was mounted from; undefined when it was not */
  detach(directory: string, device: string | undefined, signal: AbortSignal): Promise<void>;
  /** Folders of volumes that may be there, below the plugin's, with the name of the volume. */
  folders(list: (folder: string) => Promise<readonly string[]>): Promise<readonly { folder: string; id: string }[]>;
}

export interface DiskWaysDeps {
  readonly disks: HostDisks;
  readonly files: Pick<Files, "information" | "read" | "writeFile" | "remove" | "list">;
  readonly secret: (
    reference: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, string>>>;
}

const FILE_LIMIT_BYTES = 64 * 1024;

function needed<T>(found: T | undefined, { specName }: NodeVolumeSpec): T {
  if (found === undefined) throw new OrlopError("Internal", `volume ${specName} is of another kind`);
  return found;
}

export function createIscsiWays(deps: DiskWaysDeps, options: { readonly directory: string }): DiskWays {
  const { disks, files } = deps;
  const sourceOf = (spec: NodeVolumeSpec): IscsiSource =>
    needed(spec.persistentVolume?.spec?.iscsi ?? spec.volume.iscsi, spec);
  const targetOf = (spec: NodeVolumeSpec): IscsiTarget => iscsiTargetOf(sourceOf(spec), spec.specName);
  const loginOf = (target: IscsiTarget, chap: Readonly<Record<string, string>>): IscsiLogin => ({ ...target, chap });

  /** Only what belongs to the login of a session; a discovery is never made. */
  async function secretsOf(spec: NodeVolumeSpec, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const iscsi = sourceOf(spec);
    if (iscsi.chapAuthSession !== true) return {};
    const name = iscsi.secretRef?.name ?? "";
    // A pod's own volume may name secrets of the pod's namespace only.
    const namespace = spec.persistentVolume?.spec?.iscsi?.secretRef?.namespace ?? spec.pod.metadata?.namespace ?? "";
    if (name === "") throw new OrlopError("Invalid", `volume ${spec.specName} wants CHAP but names no secret`);
    const prefix = "node.session.auth.";
    const found = Object.entries(await deps.secret({ namespace, name }, signal));
    return Object.fromEntries(
      found.filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
    );
  }

  return {
    folderOf: (spec) => iscsiFolder(targetOf(spec)),
    fsTypeOf: (spec) => sourceOf(spec).fsType ?? "ext4",
    isReadOnly: (spec) => spec.readOnly || sourceOf(spec).readOnly === true,
    async attach(spec, directory, signal) {
      const target = targetOf(spec);
      await files.writeFile(`${directory}/iscsi.json`, formatIscsiFile(target, spec.specName), 0o640);
      return disks.attachIscsi(loginOf(target, await secretsOf(spec, signal)), signal);
    },
    async detach(directory, _device, signal) {
      const path = `${directory}/iscsi.json`;
      if ((await files.information(path)) === undefined) return;
      const target = parseIscsiFile(new TextDecoder().decode(await files.read(path, FILE_LIMIT_BYTES)));
      if (target === undefined) throw new OrlopError("Invalid", `cannot tell what to log out of: ${path} is damaged`);
      const prefix = `${target.portals[0] ?? ""}-${target.iqn}-lun-`;
      const folders = await files.list(options.directory);
      const others = await Promise.all(folders.map(({ name }) => files.list(`${options.directory}/${name}`)));
      const sameTarget = others.flat().filter(({ name }) => name.startsWith(prefix)).length;
      await disks.detachIscsi(loginOf(target, {}), sameTarget > 1, signal);
      await files.remove(path);
    },
    async folders(list) {
      const found: { folder: string; id: string }[] = [];
      for (const own of (await list("")).filter((name) => name.startsWith("iface-"))) {
        for (const name of await list(own)) {
          const match = /^(.+?)-((?:iqn|eui|naa)\..+)-lun-(\d+)$/.exec(name);
          if (match === null) continue;
          const [, portal = "", iqn = "", lun = ""] = match;
          found.push({ folder: `${own}/${name}`, id: `kubernetes.io/iscsi/${portal}:${iqn}:${lun}` });
        }
      }
      return found;
    },
  };
}

export function createFibreChannelWays({ disks }: Pick<DiskWaysDeps, "disks">): DiskWays {
  const sourceOf = (spec: NodeVolumeSpec): FibreChannelSource =>
    needed(spec.persistentVolume?.spec?.fc ?? spec.volume.fc, spec);
  const targetOf = (spec: NodeVolumeSpec): FibreChannelTarget => fibreChannelTargetOf(sourceOf(spec));
  return {
    folderOf: (spec) => fibreChannelFolder(targetOf(spec)),
    fsTypeOf: (spec) => sourceOf(spec).fsType ?? "ext4",
    isReadOnly: (spec) => spec.readOnly || sourceOf(spec).readOnly === true,
    attach: (spec, _directory, signal) => disks.findFibreChannel(fibreChannelLinks(targetOf(spec)), signal),
    async detach(_directory, device, signal) {
      if (device !== undefined) await disks.removeDisk(device, signal);
    },
    async folders(list) {
      return (await list("")).flatMap((folder) => {
        const match = /^(.+)-lun-(\d+)$/.exec(folder);
        const names = (match?.[1] ?? folder).split("-").join(" ");
        return [
          {
            folder,
            id: match === null ? `kubernetes.io/fc/[${names}]` : `kubernetes.io/fc/[${names}]:${match[2] ?? ""}`,
          },
        ];
      });
    },
  };
}
