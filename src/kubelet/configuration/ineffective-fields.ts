import {
  defaultKubeletConfiguration,
  encodeKubeletConfiguration,
  type KubeletConfiguration,
} from "../../api/kubelet-configuration.ts";

/** Fields that are checked and shown but change nothing here, with what holds instead. */
export const INEFFECTIVE_FIELDS: Readonly<Partial<Record<keyof KubeletConfiguration, string>>> = {
  containerLogMaxWorkers: "logs are rotated one after another",
  contentType: "JSON is spoken to the API server",
  cpuManagerPolicy: "containers share all CPUs",
  cpuManagerPolicyOptions: "containers share all CPUs",
  cpuManagerReconcilePeriod: "containers share all CPUs",
  enableContentionProfiling: "there are no locks to profile in a JavaScript process",
  eventBurst: "repeated events are counted together, others are not limited",
  eventRecordQPS: "repeated events are counted together, others are not limited",
  evictionMaxPodGracePeriod: "pods are not evicted when the node runs low, its conditions tell",
  evictionMinimumReclaim: "pods are not evicted when the node runs low, its conditions tell",
  evictionSoft: "pods are not evicted when the node runs low, its conditions tell",
  evictionSoftGracePeriod: "pods are not evicted when the node runs low, its conditions tell",
  httpCheckFrequency: "static pods come from files only",
  imagePullCredentialsVerificationPolicy: "an image on the node may be used by every pod",
  iptablesDropBit: "the kubelet makes no packet filter rules",
  iptablesMasqueradeBit: "the kubelet makes no packet filter rules",
  kernelMemcgNotification: "memory is looked at regularly",
  kubeAPIBurst: "requests to the API server are not limited",
  kubeAPIQPS: "requests to the API server are not limited",
  kubeReservedCgroup: "reservations lower what pods can ask for, they are no limit",
  kubeletCgroups: "the kubelet stays in the control group it was started in",
  logging: "the log is JSON, and --log-level says how much of it",
  makeIPTablesUtilChains: "the kubelet makes no packet filter rules",
  maxOpenFiles: "the limit of the process that started it holds",
  memoryManagerPolicy: "memory is not bound to NUMA nodes",
  memoryReservationPolicy: "memory of containers is limited, not reserved",
  memorySwap: "swap of containers is left to the container runtime",
  memoryThrottlingFactor: "memory of containers is limited, not throttled",
  preloadedImagesVerificationAllowlist: "an image on the node may be used by every pod",
  protectKernelDefaults: "kernel settings are left as they are",
  qosReserved: "memory is not reserved by class",
  registryBurst: "image pulls are limited by maxParallelImagePulls only",
  registryPullQPS: "image pulls are limited by maxParallelImagePulls only",
  reservedMemory: "memory is not bound to NUMA nodes",
  reservedSystemCPUs: "containers share all CPUs",
  showHiddenMetricsForVersion: "no metric is hidden",
  shutdownGracePeriod: "a shutdown of the machine is not held up",
  shutdownGracePeriodByPodPriority: "a shutdown of the machine is not held up",
  shutdownGracePeriodCriticalPods: "a shutdown of the machine is not held up",
  staticPodURL: "static pods come from files only",
  staticPodURLHeader: "static pods come from files only",
  systemCgroups: "processes stay in the control groups they are in",
  systemReservedCgroup: "reservations lower what pods can ask for, they are no limit",
  topologyManagerPolicy: "containers are not bound to NUMA nodes",
  topologyManagerPolicyOptions: "containers are not bound to NUMA nodes",
  topologyManagerScope: "containers are not bound to NUMA nodes",
  tracing: "no traces are sent",
  volumePluginDir: "FlexVolume drivers are not supported",
};

/** Those of them that are set to something else than their default: whoever set them should know. */
export function ineffectiveFields(configuration: KubeletConfiguration): Readonly<Record<string, string>> {
  const given = encodeKubeletConfiguration(configuration);
  const standard = encodeKubeletConfiguration(defaultKubeletConfiguration());
  return Object.fromEntries(
    Object.entries(INEFFECTIVE_FIELDS).filter(
      ([field]) => JSON.stringify(given[field]) !== JSON.stringify(standard[field]),
    ),
  );
}
