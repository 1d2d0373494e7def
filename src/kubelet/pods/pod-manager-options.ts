import type { FeatureGates } from "../../api/feature-gates.ts";
import type { KubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { KUBERNETES_VERSION } from "../../api/version.ts";
import type { NodeResources } from "../../core/pods/container-resources.ts";
import type { ImageEvictionPolicy } from "../../core/pods/image-eviction.ts";
import type { KernelVersion } from "../../core/userns/mappable-filesystems.ts";
import type { MachineInformation } from "../../ports/host-facts.ts";
import { allowedUnsafeSysctlsOf, clusterDomainOf, kernelIsAtLeast, logSizeOf } from "../kubelet-settings.ts";
import type { ContainerSecurityOptions } from "./container-security.ts";
import type { LogRotationOptions } from "./log-rotation.ts";

export interface PodManagerOptions {
  readonly nodeName: string;
  readonly gates: FeatureGates;
  readonly nodeResources: NodeResources;
  readonly security: ContainerSecurityOptions;
  /** Where pods reach the API server: KUBERNETES_SERVICE_HOST and PORT. Absent: not announced. */
  readonly apiServer?: { readonly host: string; readonly port: number };
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** e.g. "/etc/resolv.conf"; "" for none (resolvConf). */
  readonly resolvConf: string;
  /** @default "/var/log/pods" */
  readonly podLogsRoot?: string;
  /** "" for none. @default "/var/log/containers" */
  readonly logLinksRoot?: string;
  /** "" or absent for none. */
  readonly staticPodPath?: string;
  /** @default 20000 */
  readonly fileCheckPeriodMs?: number;
  /** @default 60000 */
  readonly syncPeriodMs?: number;
  /** Longest pause before a container that keeps failing is started again. @default 300000 */
  readonly longestRestartDelayMs?: number;
  /** undefined: no limit. @default 1 */
  readonly parallelPulls?: number | undefined;
  /** e.g. "1.36", for the user agent of probes and hooks. */
  readonly version: string;
  readonly logRotation?: LogRotationOptions;
  /** When to remove unused images; needs `imageDisk`. @default never */
  readonly imageEviction?: ImageEvictionPolicy;
  /** Which runtime handlers can mount recursively read-only. @default none */
  readonly recursiveReadOnlyMounts?: (handler: string) => boolean;
  /** Names, or beginnings of names that end in "*". @default none but those that are safe */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** Decides which sysctls are safe. @default a kernel that has all */
  readonly kernelIsAtLeast?: (version: KernelVersion) => boolean;
}

/** What a kubelet's configuration and its machine mean for pods. Throws OrlopError Invalid for values it can not take. */
export function podManagerOptionsOf(
  configuration: KubeletConfiguration,
  host: {
    readonly nodeName: string;
    /** The kubelet's directory. */
    readonly root: string;
    readonly gates: FeatureGates;
    readonly machine: Pick<MachineInformation, "memoryBytes" | "kernelVersion">;
    readonly cgroupVersion: 1 | 2;
  },
): PodManagerOptions {
  const { nodeName, root, gates, machine, cgroupVersion } = host;
  return {
    nodeName,
    gates,
    nodeResources: {
      memoryBytes: machine.memoryBytes,
      cpuQuotaEnabled: configuration.cpuCFSQuota,
      cpuQuotaPeriod: configuration.cpuCFSQuotaPeriod * 1_000,
      cgroupVersion,
      singleProcessOomKill: configuration.singleProcessOOMKill ?? cgroupVersion === 1,
    },
    allowedUnsafeSysctls: allowedUnsafeSysctlsOf(configuration),
    kernelIsAtLeast: (version) => kernelIsAtLeast(machine.kernelVersion, version),
    security: { seccompDefault: configuration.seccompDefault, seccompRoot: `${root}/seccomp`, extraMaskedPaths: [] },
    clusterDns: configuration.clusterDNS,
    clusterDomain: clusterDomainOf(configuration),
    resolvConf: configuration.resolvConf,
    podLogsRoot: configuration.podLogsDir,
    staticPodPath: configuration.staticPodPath,
    fileCheckPeriodMs: configuration.fileCheckFrequency,
    syncPeriodMs: configuration.syncFrequency,
    longestRestartDelayMs: configuration.crashLoopBackOff.maxContainerRestartPeriod,
    parallelPulls: configuration.serializeImagePulls ? 1 : configuration.maxParallelImagePulls,
    version: KUBERNETES_VERSION.split(".").slice(0, 2).join("."),
    imageEviction: {
      highPercent: configuration.imageGCHighThresholdPercent,
      lowPercent: configuration.imageGCLowThresholdPercent,
      minimumAgeMs: configuration.imageMinimumGCAge,
      maximumAgeMs: configuration.imageMaximumGCAge,
    },
    logRotation: {
      maximumBytes: logSizeOf(configuration),
      maximumFiles: configuration.containerLogMaxFiles,
      periodMs: configuration.containerLogMonitorInterval,
    },
  };
}
