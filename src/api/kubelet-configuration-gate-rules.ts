import { formatGoDuration } from "../lib/go-duration.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import type { FeatureGates } from "./feature-gates.ts";
import { defaultKubeletConfiguration, type KubeletConfiguration } from "./kubelet-configuration.ts";

/**
 * Throws OrlopError Invalid that lists the fields which are set though the gate of what they configure is off. Apart from
 * the other rules: which gates are on is known only once files, flags and the emulated version have been put together.
 */
export function checkKubeletConfigurationGates(configuration: KubeletConfiguration, gates: FeatureGates): void {
  const problems = gateProblems(configuration, gates);
  if (problems.length === 0) return;
  throw new OrlopError("Invalid", `kubelet configuration does not fit the feature gates: ${problems.join("; ")}`);
}

/** Texts are upstream's. */
function gateProblems(c: KubeletConfiguration, gates: FeatureGates): readonly string[] {
  const defaults = defaultKubeletConfiguration();
  const problems: string[] = [];
  const needs = (gate: string, isSet: boolean, text: string): void => {
    if (isSet && !gates.enabled(gate)) problems.push(`invalid configuration: ${text}`);
  };
  needs(
    "CustomCPUCFSQuotaPeriod",
    c.cpuCFSQuotaPeriod !== defaults.cpuCFSQuotaPeriod,
    `cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {${formatGoDuration(c.cpuCFSQuotaPeriod)}} requires feature gate CustomCPUCFSQuotaPeriod`,
  );
  needs(
    "ImageMaximumGCAge",
    c.imageMaximumGCAge !== 0,
    "ImageMaximumGCAge feature gate is required for Kubelet configuration option imageMaximumGCAge",
  );
  needs(
    "RotateKubeletServerCertificate",
    c.serverTLSBootstrap,
    "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
  );
  needs(
    "GracefulNodeShutdown",
    c.shutdownGracePeriod > 0 || c.shutdownGracePeriodCriticalPods > 0,
    "specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate GracefulNodeShutdown",
  );
  needs(
    "GracefulNodeShutdownBasedOnPodPriority",
    c.shutdownGracePeriodByPodPriority.length > 0,
    "Specifying shutdownGracePeriodByPodPriority requires feature gate GracefulNodeShutdownBasedOnPodPriority",
  );
  needs(
    "NodeSwap",
    c.memorySwap.swapBehavior !== "",
    "memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled",
  );
  needs(
    "KubeletCrashLoopBackOffMax",
    c.crashLoopBackOff.maxContainerRestartPeriod !== defaults.crashLoopBackOff.maxContainerRestartPeriod,
    "FeatureGate KubeletCrashLoopBackOffMax not enabled, CrashLoopBackOff.MaxContainerRestartPeriod must not be set",
  );
  needs(
    "KubeletEnsureSecretPulledImages",
    c.imagePullCredentialsVerificationPolicy !== defaults.imagePullCredentialsVerificationPolicy,
    "`imagePullCredentialsVerificationPolicy` must not be set if KubeletEnsureSecretPulledImages feature gate is not enabled",
  );
  needs(
    "KubeletEnsureSecretPulledImages",
    c.preloadedImagesVerificationAllowlist.length > 0,
    "`preloadedImagesVerificationAllowlist` must not be set if KubeletEnsureSecretPulledImages feature gate is not enabled",
  );
  needs(
    "MemoryQoS",
    c.memoryReservationPolicy === "TieredReservation",
    'memoryReservationPolicy "TieredReservation" requires MemoryQoS feature gate to be enabled',
  );
  needs(
    "NodeLogQuery",
    c.enableSystemLogQuery,
    "NodeLogQuery feature gate is required for enableSystemLogHandler to take queries (enableSystemLogQuery)",
  );
  return problems;
}
