import type { Pod } from "../../api/types.ts";
import type { ImageService } from "../../ports/container-runtime.ts";
import type { FilesystemUsage, HostFacts, InterfaceUsage, MachineInformation } from "../../ports/host-facts.ts";
import type { PodDirectory } from "../pod-directory.ts";
import { type DirectoryUsage, type PodStorage, statsSummary } from "./stats-summary.ts";
import type { UsageProvider, UsageSample } from "./usage-provider.ts";
import type { ReadyVolumePath, VolumeUsages } from "./volume-usages.ts";

export interface SummaryProviderDeps {
  readonly usage: UsageProvider;
  readonly host: Pick<HostFacts, "filesystem" | "treeUsage" | "interfaces" | "addresses">;
  readonly images: Pick<ImageService, "filesystem">;
  readonly pods: Pick<PodDirectory, "podByUid" | "container">;
  readonly volumePaths: (podUid: string) => readonly ReadyVolumePath[];
  readonly usages: VolumeUsages;
  readonly machine: MachineInformation;
}

export interface SummaryProviderOptions {
  readonly nodeName: string;
  /** The kubelet's root directory. */
  readonly root: string;
  /** Whether volumes are measured. */
  readonly measureVolumes: boolean;
}

const SAMPLE_AGE_MS = 5_000;

export type Summarize = (onlyCpuAndMemory: boolean, signal: AbortSignal) => Promise<unknown>;

/** Collects what /stats/summary shows. */
export function createSummaryProvider(deps: SummaryProviderDeps, options: SummaryProviderOptions): Summarize {
  const storageOf = async (pod: Pod, sample: UsageSample, signal: AbortSignal): Promise<PodStorage> => {
    const uid = pod.metadata?.uid ?? "";
    const volumes: PodStorage["volumes"][number][] = [];
    for (const ready of options.measureVolumes ? deps.volumePaths(uid) : []) {
      const { name, claim } = ready;
      const volume = pod.spec?.volumes?.find((each) => each.name === name);
      // What lies on the host is not the pod's.
      if (volume?.hostPath !== undefined) continue;
      const usage = await deps.usages.usageOf(ready, signal);
      if (usage !== undefined) volumes.push({ name, usage, ...(claim !== undefined && { claim }) });
    }
    const logs = new Map<string, DirectoryUsage>();
    for (const { podUid, namespace, pod: podName, container } of sample.containers) {
      if (podUid !== uid) continue;
      const logPath = deps.pods.container(namespace, podName, container)?.logPath ?? "";
      const usage =
        logPath === ""
          ? undefined
          : await deps.usages.usageOf({ path: logPath.slice(0, logPath.lastIndexOf("/")) }, signal);
      if (usage !== undefined) logs.set(container, usage);
    }
    return { volumes, logs };
  };

  const imageFilesystem = async (signal: AbortSignal) => {
    const found = await deps.images.filesystem(signal).catch(() => undefined);
    if (found === undefined || found.mountpoint === "") return undefined;
    const filesystem = await readFilesystem(deps.host, found.mountpoint);
    return filesystem === undefined ? undefined : { ...found, filesystem };
  };

  return async (onlyCpuAndMemory, signal) => {
    const sample = await deps.usage.sample(SAMPLE_AGE_MS, signal);
    const base = {
      nodeName: options.nodeName,
      bootedAt: deps.machine.bootedAt,
      sample,
      podByUid: (uid: string) => deps.pods.podByUid(uid),
      onlyCpuAndMemory,
    };
    if (onlyCpuAndMemory) {
      return statsSummary({ ...base, nodeInterfaces: [], podInterfaces: new Map(), podStorage: new Map() });
    }
    const podInterfaces = new Map<string, readonly InterfaceUsage[]>();
    const podStorage = new Map<string, PodStorage>();
    for (const uid of new Set(sample.containers.map(({ podUid }) => podUid))) {
      const pod = deps.pods.podByUid(uid);
      if (pod === undefined) continue;
      podInterfaces.set(uid, await deps.usage.podInterfaces(pod));
      podStorage.set(uid, await storageOf(pod, sample, signal));
    }
    const [nodeFilesystem, image, nodeInterfaces, addresses] = await Promise.all([
      readFilesystem(deps.host, options.root),
      imageFilesystem(signal),
      deps.host.interfaces(),
      deps.host.addresses(),
    ]);
    const main = addresses.all.find(({ address }) => address === addresses.default)?.interface;
    return statsSummary({
      ...base,
      nodeInterfaces,
      podInterfaces,
      podStorage,
      ...(main !== undefined && { defaultInterface: main }),
      ...(nodeFilesystem !== undefined && { nodeFilesystem }),
      ...(image !== undefined && { imageFilesystem: image }),
    });
  };
}

function readFilesystem(host: Pick<HostFacts, "filesystem">, path: string): Promise<FilesystemUsage | undefined> {
  return host.filesystem(path).catch(() => undefined);
}
