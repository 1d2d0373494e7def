import { describe, expect, it } from "vitest";
import { resolveFeatureGates } from "./feature-gates.ts";
import { checkKubeletConfigurationGates } from "./kubelet-configuration-gate-rules.ts";
import { completeKubeletConfiguration, type KubeletConfigurationDocument } from "./kubelet-configuration.ts";

function check(
  document: KubeletConfigurationDocument,
  gates: Readonly<Record<string, boolean>>,
  version = "1.36",
): void {
  const resolved = resolveFeatureGates({ settings: [new Map(Object.entries(gates))], emulatedVersion: version });
  if (!resolved.ok) throw new Error(resolved.reason);
  checkKubeletConfigurationGates(completeKubeletConfiguration(document, "test"), resolved.value.gates);
}

describe("a field whose gate is off", () => {
  it.each([
    [
      "CustomCPUCFSQuotaPeriod",
      { cpuCFSQuotaPeriod: "200ms" },
      "{200ms} requires feature gate CustomCPUCFSQuotaPeriod",
    ],
    [
      "RotateKubeletServerCertificate",
      { serverTLSBootstrap: true },
      "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
    ],
    ["GracefulNodeShutdown", { shutdownGracePeriod: "1s" }, "requires feature gate GracefulNodeShutdown"],
    [
      "GracefulNodeShutdown",
      { shutdownGracePeriod: "1s", shutdownGracePeriodCriticalPods: "1s" },
      "specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires",
    ],
    [
      "GracefulNodeShutdownBasedOnPodPriority",
      { shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 0 }] },
      "Specifying shutdownGracePeriodByPodPriority requires feature gate",
    ],
    [
      "KubeletCrashLoopBackOffMax",
      { crashLoopBackOff: { maxContainerRestartPeriod: "3s" } },
      "CrashLoopBackOff.MaxContainerRestartPeriod must not be set",
    ],
    [
      "KubeletEnsureSecretPulledImages",
      { imagePullCredentialsVerificationPolicy: "NeverVerify" },
      "`imagePullCredentialsVerificationPolicy` must not be set if KubeletEnsureSecretPulledImages",
    ],
    ["MemoryQoS", { memoryReservationPolicy: "TieredReservation" }, "requires MemoryQoS feature gate to be enabled"],
  ] as const)("%s: %o is refused, and accepted when it is on", (gate, document, text) => {
    const others = gate === "GracefulNodeShutdown" ? { GracefulNodeShutdownBasedOnPodPriority: false } : {};
    const off = {
      ...others,
      ...(gate === "GracefulNodeShutdown" && { WindowsGracefulNodeShutdown: false }),
      [gate]: false,
    };
    expect(() => check(document, off)).toThrowError(text);
    expect(() => check(document, { [gate]: true })).not.toThrow();
  });

  it.each([
    ["1.34", { imageMaximumGCAge: "1h" }, { ImageMaximumGCAge: false }, "ImageMaximumGCAge feature gate is required"],
    ["1.33", { memorySwap: { swapBehavior: "NoSwap" } }, { NodeSwap: false }, "NodeSwap feature flag is disabled"],
    [
      "1.35",
      { enableSystemLogQuery: true },
      {},
      "NodeLogQuery feature gate is required for enableSystemLogHandler to take",
    ],
  ] as const)("at %s: %o", (version, document, gates, text) => {
    expect(() => check(document, gates, version)).toThrowError(text);
    expect(() => check(document, {})).not.toThrow();
  });

  it("is no problem at its default", () => {
    for (const version of ["1.31", "1.34", "1.36", "1.37"]) expect(() => check({}, {}, version)).not.toThrow();
  });
});
