import { formatGoDuration } from "../lib/go-duration.ts";
import type { KubeletConfiguration } from "./kubelet-configuration-fields.ts";
import { reservationProblems } from "./kubelet-reservation-rules.ts";
import { tracingProblems } from "./kubelet-tracing-rules.ts";

const SECOND = 1_000;
const RESERVED_SIGNALS = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "containerfs.available",
  "containerfs.inodesFree",
  "allocatableMemory.available",
  "pid.available",
];
const TLS_VERSIONS = ["", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"];

/** The rules between and on values that types can not say. Texts follow upstream: `invalid configuration: …`. */
export function kubeletConfigurationProblems(configuration: KubeletConfiguration): readonly string[] {
  return [
    ...numberProblems(configuration),
    ...choiceProblems(configuration),
    ...allocatableProblems(configuration),
    ...evictionProblems(configuration),
    ...relationProblems(configuration),
    ...reservationProblems(configuration),
    ...tracingProblems(configuration),
    ...placeProblems(configuration),
  ].map((text) => `invalid configuration: ${text}`);
}

function numberProblems(c: KubeletConfiguration): string[] {
  const problems: string[] = [];
  const range = (field: string, flag: string, value: number, low: number, high: number): void => {
    if (value < low || value > high) {
      problems.push(`${field} (${flag}) ${value} must be between ${low} and ${high}, inclusive`);
    }
  };
  const notNegative = (field: string, flag: string, value: number): void => {
    if (value < 0) problems.push(`${field} (${flag}) ${value} must not be a negative number`);
  };
  if (c.nodeLeaseDurationSeconds <= 0) problems.push("nodeLeaseDurationSeconds must be greater than 0");
  range("port", "--port", c.port, 1, 65_535);
  if (c.readOnlyPort !== 0) range("readOnlyPort", "--read-only-port", c.readOnlyPort, 0, 65_535);
  if (c.healthzPort !== 0) range("healthzPort", "--healthz-port", c.healthzPort, 1, 65_535);
  range("imageGCHighThresholdPercent", "--image-gc-high-threshold", c.imageGCHighThresholdPercent, 0, 100);
  range("imageGCLowThresholdPercent", "--image-gc-low-threshold", c.imageGCLowThresholdPercent, 0, 100);
  range("iptablesDropBit", "--iptables-drop-bit", c.iptablesDropBit, 0, 31);
  range("iptablesMasqueradeBit", "--iptables-masquerade-bit", c.iptablesMasqueradeBit, 0, 31);
  range("oomScoreAdj", "--oom-score-adj", c.oomScoreAdj, -1_000, 1_000);
  notNegative("eventBurst", "--event-burst", c.eventBurst);
  notNegative("eventRecordQPS", "--event-qps", c.eventRecordQPS);
  notNegative("kubeAPIBurst", "--kube-api-burst", c.kubeAPIBurst);
  notNegative("kubeAPIQPS", "--kube-api-qps", c.kubeAPIQPS);
  notNegative("maxOpenFiles", "--max-open-files", c.maxOpenFiles);
  range("auditLog.maxSizeMegabytes", "--audit-log-maxsize", c.auditLog.maxSizeMegabytes, 1, 100_000);
  range("auditLog.maxBackups", "--audit-log-maxbackup", c.auditLog.maxBackups, 0, 10_000);
  notNegative("maxPods", "--max-pods", c.maxPods);
  notNegative("podsPerCore", "--pods-per-core", c.podsPerCore);
  notNegative("registryBurst", "--registry-burst", c.registryBurst);
  notNegative("registryPullQPS", "--registry-qps", c.registryPullQPS);
  if (c.nodeStatusMaxImages < -1) {
    problems.push(`nodeStatusMaxImages (--node-status-max-images) ${c.nodeStatusMaxImages} must be -1 or greater`);
  }
  if (c.cpuCFSQuotaPeriod < 1 || c.cpuCFSQuotaPeriod > SECOND) {
    problems.push(
      `cpuCFSQuotaPeriod (--cpu-cfs-quota-period) ${shownDuration(c.cpuCFSQuotaPeriod)} must be between 1ms and 1sec, inclusive`,
    );
  }
  if (c.containerLogMaxFiles < 2) problems.push("containerLogMaxFiles must be greater than 1");
  if (c.containerLogMaxWorkers < 1) problems.push("containerLogMaxWorkers must be greater than or equal to 1");
  if (c.containerLogMonitorInterval < 3 * SECOND) {
    problems.push("containerLogMonitorInterval must be a positive time duration greater than or equal to 3s");
  }
  if (c.maxParallelImagePulls !== undefined && c.maxParallelImagePulls < 1) {
    problems.push(`maxParallelImagePulls ${c.maxParallelImagePulls} must be a positive number`);
  }
  if (c.memoryThrottlingFactor <= 0 || c.memoryThrottlingFactor > 1) {
    problems.push(
      `memoryThrottlingFactor ${c.memoryThrottlingFactor} must be greater than 0 and less than or equal to 1.0`,
    );
  }
  const idsPerPod = c.userNamespaces.idsPerPod ?? 65_536;
  if (idsPerPod < 65_536 || idsPerPod % 65_536 !== 0 || idsPerPod > 2 ** 32 - 1) {
    problems.push(`userNamespaces.idsPerPod ${idsPerPod} must be a multiple of 65536 that fits 32 bits`);
  }
  return problems;
}

function choiceProblems(c: KubeletConfiguration): string[] {
  const choices: readonly (readonly [string, string, readonly string[]])[] = [
    ["cgroupDriver (--cgroup-driver)", c.cgroupDriver, ["cgroupfs", "systemd"]],
    ["tlsMinVersion (--tls-min-version)", c.tlsMinVersion, TLS_VERSIONS],
    [
      "configMapAndSecretChangeDetectionStrategy",
      c.configMapAndSecretChangeDetectionStrategy,
      ["Get", "Cache", "Watch"],
    ],
    ["authorization.connect", c.authorization.connect, ["enforce", "warn", "legacy"]],
  ];
  const problems = choices
    .filter(([, value, allowed]) => !allowed.includes(value))
    .map(
      ([field, value, allowed]) =>
        `${field} ${JSON.stringify(value)} must be one of: ${allowed.map((item) => JSON.stringify(item)).join(", ")}`,
    );
  const options: readonly (readonly [string, string, readonly string[]])[] = [
    ["hairpinMode (--hairpin-mode)", c.hairpinMode, ["none", "hairpin-veth", "promiscuous-bridge"]],
    [
      "imagePullCredentialsVerificationPolicy",
      c.imagePullCredentialsVerificationPolicy,
      ["NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"],
    ],
    ["memoryReservationPolicy", c.memoryReservationPolicy, ["None", "TieredReservation"]],
  ];
  for (const [field, value, allowed] of options) {
    if (!allowed.includes(value)) problems.push(notAnOption(field, value, allowed));
  }
  const policies = ["none", "best-effort", "restricted", "single-numa-node"];
  if (!policies.includes(c.topologyManagerPolicy)) {
    const [given, allowed] = [JSON.stringify(c.topologyManagerPolicy), policies.map((one) => JSON.stringify(one))];
    problems.push(`topologyManagerPolicy (--topology-manager-policy) ${given} must be one of: [${allowed.join(" ")}]`);
  }
  if (!["container", "pod"].includes(c.topologyManagerScope)) {
    const given = JSON.stringify(c.topologyManagerScope);
    problems.push(`topologyManagerScope (--topology-manager-scope) ${given} must be one of: "container", or "pod"`);
  }
  if (!["", "LimitedSwap", "NoSwap"].includes(c.memorySwap.swapBehavior)) {
    const given = JSON.stringify(c.memorySwap.swapBehavior);
    problems.push(`memorySwap.swapBehavior ${given} must be one of: "", "LimitedSwap" or "NoSwap"`);
  }
  if (!["text", "json"].includes(c.logging.format)) {
    problems.push(`logging.format: Invalid value: ${JSON.stringify(c.logging.format)}: Unsupported log format`);
  }
  // The mode has texts of its own because authorization is built from it.
  if (!["AlwaysAllow", "Webhook"].includes(c.authorization.mode)) {
    problems.push(`authorization.mode: unknown authorization mode ${c.authorization.mode}`);
  }
  return problems;
}

function notAnOption(field: string, value: string, allowed: readonly string[]): string {
  const names = allowed.map((name) => JSON.stringify(name));
  const valid = `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
  return `option ${JSON.stringify(value)} specified for ${field}. Valid options are ${valid}`;
}

/** As upstream's texts show a field that is a duration. */
function shownDuration(milliseconds: number): string {
  return `{${formatGoDuration(milliseconds)}}`;
}

function allocatableProblems(c: KubeletConfiguration): string[] {
  const problems: string[] = [];
  const field = "enforceNodeAllocatable (--enforce-node-allocatable)";
  const known = [
    "pods",
    "system-reserved",
    "system-reserved-compressible",
    "kube-reserved",
    "kube-reserved-compressible",
    "none",
  ];
  for (const prefix of ["system-reserved", "kube-reserved"]) {
    if (c.enforceNodeAllocatable.includes(prefix) && c.enforceNodeAllocatable.includes(`${prefix}-compressible`)) {
      problems.push(`both "${prefix}" and "${prefix}-compressible" cannot be specified together in ${field}`);
    }
  }
  const needsGroup = (prefix: string): boolean => c.enforceNodeAllocatable.some((value) => value.startsWith(prefix));
  if (needsGroup("system-reserved") && c.systemReservedCgroup === "") {
    problems.push(
      `systemReservedCgroup (--system-reserved-cgroup) must be specified when "system-reserved" or "system-reserved-compressible" included in ${field}`,
    );
  }
  if (needsGroup("kube-reserved") && c.kubeReservedCgroup === "") {
    problems.push(
      `kubeReservedCgroup (--kube-reserved-cgroup) must be specified when "kube-reserved" or "kube-reserved-compressible" included in ${field}`,
    );
  }
  const twice = c.enforceNodeAllocatable.find((value, index, all) => all.indexOf(value) !== index);
  if (twice !== undefined) problems.push(`duplicated enforcements ${JSON.stringify(twice)} in ${field}`);
  if (c.enforceNodeAllocatable.includes("none") && c.enforceNodeAllocatable.length > 1) {
    problems.push(`${field} may not contain additional enforcements when "none" is specified`);
  }
  for (const value of c.enforceNodeAllocatable) {
    if (!known.includes(value)) problems.push(notAnOption(field, value, known));
    else if (value !== "none" && !c.cgroupsPerQOS) {
      problems.push(`cgroupsPerQOS (--cgroups-per-qos) must be set to true when "${value}" contained in ${field}`);
    }
  }
  return problems;
}

function evictionProblems(c: KubeletConfiguration): string[] {
  const problems: string[] = [];
  const maps = {
    evictionHard: c.evictionHard,
    evictionSoft: c.evictionSoft,
    evictionMinimumReclaim: c.evictionMinimumReclaim,
    evictionSoftGracePeriod: c.evictionSoftGracePeriod,
  };
  for (const [field, map] of Object.entries(maps)) {
    for (const signal of Object.keys(map)) {
      if (!RESERVED_SIGNALS.includes(signal)) problems.push(`${field}: unknown eviction signal ${signal}`);
    }
  }
  for (const signal of Object.keys(c.evictionSoft)) {
    if (c.evictionSoftGracePeriod[signal] === undefined) {
      problems.push(`evictionSoft: grace period must be specified for the soft eviction threshold ${signal}`);
    }
  }
  return problems;
}

function relationProblems(c: KubeletConfiguration): string[] {
  const problems: string[] = [];
  if (c.systemCgroups !== "" && c.cgroupRoot === "") {
    problems.push("systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified");
  }
  if (c.imageGCLowThresholdPercent >= c.imageGCHighThresholdPercent) {
    problems.push(
      `imageGCLowThresholdPercent (--image-gc-low-threshold) ${c.imageGCLowThresholdPercent} must be less than ` +
        `imageGCHighThresholdPercent (--image-gc-high-threshold) ${c.imageGCHighThresholdPercent}`,
    );
  }
  const [minimumAge, maximumAge] = [c.imageMinimumGCAge, c.imageMaximumGCAge].map(formatGoDuration);
  if (c.imageMinimumGCAge < 0) problems.push(`imageMinimumGCAge ${minimumAge} must not be negative`);
  if (c.imageMaximumGCAge < 0) problems.push(`imageMaximumGCAge ${maximumAge} must not be negative`);
  if (c.imageMaximumGCAge > 0 && c.imageMaximumGCAge <= c.imageMinimumGCAge) {
    problems.push(`imageMaximumGCAge ${maximumAge} must be greater than imageMinimumGCAge ${minimumAge}`);
  }
  if (c.serializeImagePulls && (c.maxParallelImagePulls ?? 1) > 1) {
    problems.push(
      "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false",
    );
  }
  if (c.runOnce) problems.push("runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set");
  for (const field of ["shutdownGracePeriod", "shutdownGracePeriodCriticalPods"] as const) {
    const value = c[field];
    if (value < 0 || (value > 0 && value < SECOND)) {
      problems.push(`${field} ${shownDuration(value)} must be either zero or otherwise >= 1 sec`);
    }
  }
  if (c.shutdownGracePeriodCriticalPods > c.shutdownGracePeriod) {
    const [critical, all] = [c.shutdownGracePeriodCriticalPods, c.shutdownGracePeriod].map(shownDuration);
    problems.push(`shutdownGracePeriodCriticalPods ${critical} must be <= shutdownGracePeriod ${all}`);
  }
  if (c.shutdownGracePeriodByPodPriority.length > 0 && c.shutdownGracePeriod + c.shutdownGracePeriodCriticalPods > 0) {
    problems.push("Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time");
  }
  if (
    c.crashLoopBackOff.maxContainerRestartPeriod < SECOND ||
    c.crashLoopBackOff.maxContainerRestartPeriod > 300 * SECOND
  ) {
    problems.push(
      `CrashLoopBackOff.MaxContainerRestartPeriod (got: ${c.crashLoopBackOff.maxContainerRestartPeriod / SECOND} seconds) must be set between 1s and 300s`,
    );
  }
  if ((c.tlsCertFile === "") !== (c.tlsPrivateKeyFile === "")) {
    problems.push("tlsCertFile and tlsPrivateKeyFile must be given together");
  }
  if (c.enableSystemLogQuery && !c.enableSystemLogHandler) {
    problems.push("enableSystemLogHandler is required for enableSystemLogQuery");
  }
  if (
    c.preloadedImagesVerificationAllowlist.length > 0 &&
    c.imagePullCredentialsVerificationPolicy !== "NeverVerifyAllowlistedImages"
  ) {
    problems.push(
      'can\'t set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVerificationPolicy` is not "NeverVerifyAllowlistedImages"',
    );
  }
  for (const taint of c.registerWithTaints) {
    if (taint.key === "" || !["NoSchedule", "PreferNoSchedule", "NoExecute"].includes(taint.effect)) {
      problems.push(`invalid taint: ${taint.key}=${taint.value}:${taint.effect}`);
    }
  }
  return problems;
}

/** Where things are. */
function placeProblems({ podLogsDir, containerRuntimeEndpoint }: KubeletConfiguration): string[] {
  const problems: string[] = [];
  if (containerRuntimeEndpoint === "") problems.push("the containerRuntimeEndpoint was not specified or empty");
  if (podLogsDir === "") problems.push("podLogsDir was not specified");
  const shown = JSON.stringify(podLogsDir);
  if (!podLogsDir.startsWith("/")) problems.push(`pod logs path ${shown} must be absolute path`);
  const [, ...names] = podLogsDir.split("/");
  if (podLogsDir !== "/" && names.some((name) => name === "" || name === "." || name === "..")) {
    problems.push(`pod logs path ${shown} must be normalized`);
  }
  if (!/^\p{ASCII}*$/u.test(podLogsDir)) problems.push(`pod logs path ${shown} must contain ASCII characters only`);
  return problems;
}
