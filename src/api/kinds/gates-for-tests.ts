import type { FeatureGates } from "../feature-gates.ts";
import type { KindContext } from "./definition.ts";

/** Off in 1.36 unless switched on. */
const OFF_BY_DEFAULT: ReadonlySet<string> = new Set([
  "SELinuxMount",
  "UserNamespacesHostNetworkSupport",
  "ContainerStopSignals",
  "ClusterTrustBundleProjection",
  "PodCertificateRequest",
  "GenericWorkload",
  "ImageVolumeWithDigest",
  "TaintTolerationComparisonOperators",
]);

/** A context for tests: the defaults of 1.36 with some gates switched. */
export function testContext(switched: Readonly<Record<string, boolean>> = {}): KindContext {
  const gates: FeatureGates = {
    enabled: (name) => switched[name] ?? !OFF_BY_DEFAULT.has(name),
    emulatedVersion: "1.36",
    all: [],
  };
  return { gates, now: Date.UTC(2026, 0, 1) };
}
