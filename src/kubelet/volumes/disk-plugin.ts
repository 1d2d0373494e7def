import { appliedContext, contextOf, hasLabelSupport } from "../../core/selinux/applied-context.ts";
import { contextMountOption } from "../../core/selinux/mount-decision.ts";
import { type DiskKind, diskPluginDirectory, podDiskPath } from "../../core/volumes/disk-paths.ts";
import { podsDirectory } from "../../core/volumes/pod-paths.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";
import type { HostDisks } from "../../ports/host-disks.ts";
import type { HostMounts, MountEntry } from "../../ports/host-mounts.ts";
import type { ApplyGroup } from "./apply-group.ts";
import type { DiskWays } from "./disk-kinds.ts";
import { mountAt, podMountsOf } from "./mount-lookup.ts";
import type { FoundVolumes, NodeVolumePlugin, NodeVolumeSpec } from "./node-volume-plugin.ts";

export interface DiskPluginDeps {
  readonly ways: DiskWays;
  readonly disks: Pick<HostDisks, "prepareFilesystem">;
  readonly files: Files;
  readonly mounts: HostMounts;
  readonly applyGroup: ApplyGroup;
}

const DIRECTORY_MODE = 0o750;

/** Disks of a storage network: mounted once for the node, with the label, and bound from there into pods. */
export function createDiskPlugin(
  deps: DiskPluginDeps,
  options: { readonly root: string; readonly kind: DiskKind },
): NodeVolumePlugin {
  const { ways, files, mounts } = deps;
  const { root, kind } = options;
  const directory = diskPluginDirectory(root, kind);
  /** Folders by the id of the volume, for unmounting. */
  const folders = new Map<string, string>();

  const list = async (path: string): Promise<readonly string[]> => {
    if ((await files.information(path)) === undefined) return [];
    return (await files.list(path)).filter((entry) => entry.kind === "directory").map(({ name }) => name);
  };

  async function mountDevice(spec: NodeVolumeSpec, context: string, signal: AbortSignal): Promise<void> {
    const folder = ways.folderOf(spec);
    folders.set(spec.id, folder);
    const path = `${directory}/${folder}`;
    const before = await mountAt(deps, path, signal);
    if (before === undefined) {
      await files.makeDirectory(path, DIRECTORY_MODE);
      const device = await ways.attach(spec, path, signal);
      const fsType = ways.fsTypeOf(spec);
      const readOnly = ways.isReadOnly(spec);
      await deps.disks.prepareFilesystem(device, fsType, readOnly, signal);
      const flags = [
        ...(readOnly ? ["ro"] : ["rw"]),
        ...(spec.persistentVolume?.spec?.mountOptions ?? []),
        ...(context === "" ? [] : [contextMountOption(context)]),
      ];
      await mounts.mount({ source: device, target: path, filesystem: fsType, options: flags }, signal);
    }
    const mounted = before ?? (await mountAt(deps, path, signal));
    if (context === "" || mounted === undefined) return;
    const found = appliedContext(mounted.superOptions, context);
    if (found.applied === "as-asked") return;
    // Of a disk nobody uses: mounted by somebody else, or by a mount(8) that does not see selinuxfs.
    if (before === undefined) await mounts.unmount(path, signal);
    throw new OrlopError(
      "Unsupported",
      `volume ${spec.specName} was to be mounted with -o ${contextMountOption(context)}, but ${path} has ${
        found.applied === "none" ? "no context" : `the context ${JSON.stringify(found.context)}`
      }: mount(8) of the host must see /sys/fs/selinux and /etc/selinux/config`,
      { retry: "backoff" },
    );
  }

  return {
    hasDevice: async () => true,
    needsAttachment: async () => false,
    supportsContext: async () => true,
    mountDevice: (spec, { context }, signal) => mountDevice(spec, context, signal),
    async mountPod(spec, { context, fresh }, signal) {
      const source = `${directory}/${ways.folderOf(spec)}`;
      const path = podDiskPath(root, spec.pod.metadata?.uid ?? "", kind, spec.specName);
      const readOnly = ways.isReadOnly(spec);
      if ((await mountAt(deps, path, signal)) === undefined) {
        await files.makeDirectory(path, DIRECTORY_MODE);
        await mounts.mount({ source, target: path, options: ["bind"] }, signal);
        if (readOnly) await mounts.mount({ source, target: path, options: ["bind", "remount", "ro"] }, signal);
        const group = spec.pod.spec?.securityContext?.fsGroup;
        if (group !== undefined && !readOnly && fresh) {
          const onRoot = spec.pod.spec?.securityContext?.fsGroupChangePolicy === "OnRootMismatch";
          await deps.applyGroup(path, { group, readOnly }, onRoot, signal);
        }
      }
      const mounted = await mountAt(deps, path, signal);
      const relabel = context === "" && !readOnly && mounted !== undefined && hasLabelSupport(mounted.superOptions);
      return { path, relabel };
    },
    async unmountPod({ podUid, specName }, signal) {
      const path = podDiskPath(root, podUid, kind, specName);
      if ((await mountAt(deps, path, signal)) !== undefined) await mounts.unmount(path, signal);
      if ((await mountAt(deps, path, signal)) !== undefined) {
        throw new OrlopError("Conflict", `${path} is still mounted; nothing is deleted`, { retry: "backoff" });
      }
      await files.remove(path);
    },
    async unmountDevice(id, signal) {
      const folder = folders.get(id);
      if (folder === undefined) return;
      const path = `${directory}/${folder}`;
      const entry = await mountAt(deps, path, signal);
      if (entry !== undefined) {
        const others = await podMountsOf(deps, root, entry, signal);
        if (others.length > 0) {
          throw new OrlopError("Conflict", `refusing to unmount ${id}: it is still mounted at ${others.join(", ")}`, {
            retry: "backoff",
          });
        }
        await mounts.unmount(path, signal);
      }
      if ((await mountAt(deps, path, signal)) !== undefined) {
        throw new OrlopError("Conflict", `${path} is still mounted; nothing is deleted`, { retry: "backoff" });
      }
      await ways.detach(path, entry?.source, signal);
      await files.remove(path);
      folders.delete(id);
    },
    async find(signal): Promise<FoundVolumes> {
      const entries = await mounts.list(signal);
      const real = (await files.information(root)) === undefined ? root : await files.realPath(root);
      const at = (path: string): MountEntry | undefined =>
        entries.findLast(({ target }) => target === `${real}${path.slice(root.length)}`);
      const pluginName = `kubernetes.io/${kind}`;
      const byDevice = new Map<string, string>();
      const devices = (await ways.folders((folder) => list(folder === "" ? directory : `${directory}/${folder}`))).map(
        ({ folder, id }) => {
          folders.set(id, folder);
          const entry = at(`${directory}/${folder}`);
          if (entry !== undefined) byDevice.set(entry.device, id);
          return { id, pluginName, context: contextOf(entry?.superOptions ?? []) ?? "" };
        },
      );
      const found: FoundVolumes["mounts"][number][] = [];
      for (const podUid of await list(podsDirectory(root))) {
        for (const specName of await list(`${podsDirectory(root)}/${podUid}/volumes/kubernetes.io~${kind}`)) {
          const entry = at(podDiskPath(root, podUid, kind, specName));
          const id = entry === undefined ? undefined : byDevice.get(entry.device);
          if (entry === undefined || id === undefined) continue;
          found.push({ id, pluginName, podUid, specName, context: contextOf(entry.superOptions) ?? "" });
        }
      }
      return { devices, mounts: found };
    },
  };
}
