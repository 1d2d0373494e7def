import type { Container, EphemeralContainer, Pod, VolumeMount } from "../../api/types.ts";
import { resolvePropagation, resolveRecursiveReadOnly, resolveSubPath } from "../../core/volumes/container-mounts.ts";
import { ETC_HOSTS, hostNetworkHostsFile, managedHostsFile } from "../../core/volumes/hosts-file.ts";
import { containerDirectory, etcHostsPath, subpathTarget } from "../../core/volumes/pod-paths.ts";
import type { VolumePlan } from "../../core/volumes/volume-plan.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Result } from "../../lib/result.ts";
import type { ContainerMount } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { VolumeSubpaths } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { ContainerMountOptions } from "../pod-volumes.ts";
import { podHostName } from "../pods/host-name.ts";

export interface ContainerMountDeps {
  readonly files: Files;
  readonly subpaths: VolumeSubpaths;
  readonly random: Random;
  readonly log: Log;
}

export interface ContainerMountSettings {
  readonly root: string;
  readonly clusterDomain: string;
  readonly seLinuxEnabled: boolean;
}

type MountPlan = Extract<VolumePlan, { readonly plan: "mount" }>;

const HOSTS_FILE_LIMIT_BYTES = 4 * 2 ** 20;
/** The runtime keeps two attempts of a container; a few more for those that are just being removed. */
const TERMINATION_LOGS_KEPT = 5;

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new OrlopError("Invalid", result.reason);
  return result.value;
}

/** Everything that is mounted into one container. The pod's volumes must be ready. */
export async function containerMounts(
  deps: ContainerMountDeps,
  settings: ContainerMountSettings,
  pod: Pod,
  container: Container | EphemeralContainer,
  volumes: ReadonlyMap<string, MountPlan>,
  options: ContainerMountOptions,
  signal: AbortSignal,
): Promise<readonly ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = volumes.get(mount.name);
    if (volume === undefined) {
      throw new OrlopError("Invalid", `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    }
    const hostPath = await volumePath(deps, settings, pod, container, volume, mount, index, options, signal);
    mounts.push({
      containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      readOnly: mount.readOnly === true || volume.readOnly,
      recursiveReadOnly: valueOf(resolveRecursiveReadOnly(mount, options.recursiveReadOnlySupported ?? false)),
      seLinuxRelabel: settings.seLinuxEnabled && volume.relabel,
      propagation: valueOf(resolvePropagation(mount)),
    });
  }
  const hosts = await hostsMount(deps, settings, pod, container, options);
  const termination = await terminationLogMount(deps, settings, pod, container);
  const all = [...mounts, ...hosts, ...termination];
  const { mapping } = options;
  if (mapping === undefined) return all;
  return all.map((mount) => ({ ...mount, uidMappings: mapping.uidMappings, gidMappings: mapping.gidMappings }));
}

async function volumePath(
  deps: ContainerMountDeps,
  settings: ContainerMountSettings,
  pod: Pod,
  container: Container | EphemeralContainer,
  volume: MountPlan,
  mount: VolumeMount,
  index: number,
  options: ContainerMountOptions,
  signal: AbortSignal,
): Promise<string> {
  const relative = valueOf(resolveSubPath(mount, options.env ?? []));
  if (relative === "") return volume.path;
  const uid = pod.metadata?.uid ?? "";
  // Users see only which mount failed: the details could tell them about the host's files.
  const attempt = async (doing: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (reason) {
      signal.throwIfAborted();
      deps.log.error(`cannot ${doing} a subPath`, {
        podUid: uid,
        container: container.name,
        volume: mount.name,
        reason: messageOf(reason),
      });
      throw new OrlopError(
        "Invalid",
        `failed to ${doing} subPath${doing === "create" ? " directory" : ""} for volumeMount "${mount.name}" of container "${container.name}"`,
        {
          cause: reason,
          retry: "backoff",
        },
      );
    }
  };
  const target = subpathTarget(settings.root, uid, mount.name, container.name, index);
  await attempt("create", async () => {
    const mode = (await deps.files.information(volume.path, { followLinks: true }))?.mode ?? 0o750;
    await deps.subpaths.makeDirectories(volume.path, relative, mode & 0o777);
  });
  await attempt("prepare", () => deps.subpaths.bind(volume.path, relative, target, signal));
  return target;
}

async function hostsMount(
  deps: ContainerMountDeps,
  settings: ContainerMountSettings,
  pod: Pod,
  container: Container | EphemeralContainer,
  options: ContainerMountOptions,
): Promise<readonly ContainerMount[]> {
  const hostNetwork = pod.spec?.hostNetwork === true;
  const own = (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === ETC_HOSTS);
  if (own || (options.podIps.length === 0 && !hostNetwork)) return [];
  const content = hostNetwork
    ? hostNetworkHostsFile(pod, new TextDecoder().decode(await deps.files.read(ETC_HOSTS, HOSTS_FILE_LIMIT_BYTES)))
    : managedHostsFile(pod, options.podIps, podHostName(pod, settings.clusterDomain));
  const path = etcHostsPath(settings.root, pod.metadata?.uid ?? "");
  await rewriteInPlace(deps.files, path, content);
  return [
    {
      containerPath: ETC_HOSTS,
      hostPath: path,
      readOnly: false,
      seLinuxRelabel: settings.seLinuxEnabled,
      propagation: "private",
    },
  ];
}

/** Running containers have this very file mounted: replacing it would leave them with the old one. */
async function rewriteInPlace(files: Files, path: string, content: string): Promise<void> {
  const information = await files.information(path);
  if (information?.kind === "file") {
    await files.overwriteFile(path, content);
    return;
  }
  await files.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o750);
  await files.writeFile(path, content, 0o644);
}

async function terminationLogMount(
  deps: ContainerMountDeps,
  settings: ContainerMountSettings,
  pod: Pod,
  container: Container | EphemeralContainer,
): Promise<readonly ContainerMount[]> {
  const containerPath = container.terminationMessagePath ?? "";
  if (containerPath === "") return [];
  const directory = containerDirectory(settings.root, pod.metadata?.uid ?? "", container.name);
  await deps.files.makeDirectory(directory, 0o750);
  await forgetOldTerminationLogs(deps.files, directory);
  const name = [...deps.random.bytes(4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const hostPath = `${directory}/${name}`;
  await deps.files.createFile(hostPath, "", 0o666);
  return [
    {
      containerPath: containerPath.startsWith("/") ? containerPath : `/${containerPath}`,
      hostPath,
      readOnly: false,
      seLinuxRelabel: settings.seLinuxEnabled,
      propagation: "private",
    },
  ];
}

async function forgetOldTerminationLogs(files: Files, directory: string): Promise<void> {
  const entries = await files.list(directory);
  if (entries.length < TERMINATION_LOGS_KEPT) return;
  const aged = await Promise.all(
    entries.map(async ({ name }) => {
      const path = `${directory}/${name}`;
      return { path, modifiedAt: (await files.information(path))?.modifiedAt ?? 0 };
    }),
  );
  const old = aged.sort((a, b) => b.modifiedAt - a.modifiedAt).slice(TERMINATION_LOGS_KEPT - 1);
  for (const { path } of old) await files.remove(path);
}
