import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import type { Service } from "../api/types.ts";
import type { ConnectMode } from "../core/authz/kubelet-request.ts";
import { unsafeSysctlsProblem } from "../core/pods/sysctl-rules.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { parseQuantity, wholeUnits } from "../lib/quantity.ts";
import { activeRoutes } from "./server/kubelet-server.ts";

/** What configuration and gates mean for the parts of a kubelet. */

const DEFAULT_CLUSTER_DOMAIN = "cluster.local";

export function clusterDomainOf({ clusterDomain }: KubeletConfiguration): string {
  return clusterDomain === "" ? DEFAULT_CLUSTER_DOMAIN : clusterDomain;
}

/** containerLogMaxSize in bytes. Throws OrlopError Invalid. */
export function logSizeOf({ containerLogMaxSize }: KubeletConfiguration): number {
  const parsed = parseQuantity(containerLogMaxSize);
  if (!parsed.ok)
    throw new OrlopError("Invalid", `containerLogMaxSize ${JSON.stringify(containerLogMaxSize)}: ${parsed.reason}`);
  return Number(wholeUnits(parsed.value));
}

/** Throws OrlopError Invalid. */
export function allowedUnsafeSysctlsOf({ allowedUnsafeSysctls }: KubeletConfiguration): readonly string[] {
  const problem = unsafeSysctlsProblem(allowedUnsafeSysctls);
  if (problem !== undefined) throw new OrlopError("Invalid", `allowedUnsafeSysctls: ${problem}`);
  return allowedUnsafeSysctls;
}

export function connectModeOf({ authorization }: KubeletConfiguration): ConnectMode {
  const { connect } = authorization;
  return connect === "warn" || connect === "legacy" ? connect : "enforce";
}

export function changeDetectionOf(configuration: KubeletConfiguration): "Watch" | "Cache" | "Get" {
  const { configMapAndSecretChangeDetectionStrategy: strategy } = configuration;
  return strategy === "Cache" || strategy === "Get" ? strategy : "Watch";
}

/** What node.status.declaredFeatures tells API servers and schedulers, sorted. Features that are not built are not told. */
export function declaredFeaturesOf(
  gates: FeatureGates,
  runtime: { readonly userNamespacesHostNetwork: boolean },
): readonly string[] {
  if (!gates.enabled("NodeDeclaredFeatures")) return [];
  const built: Readonly<Record<string, boolean>> = {
    ExtendWebSocketsToKubelet: true,
    UserNamespacesHostNetworkSupport: runtime.userNamespacesHostNetwork,
  };
  return Object.keys(built).filter((name) => built[name] === true && gates.enabled(name));
}

export function switchesOf(configuration: KubeletConfiguration, gates: FeatureGates) {
  return {
    enableDebuggingHandlers: configuration.enableDebuggingHandlers,
    enableSystemLogHandler: configuration.enableSystemLogHandler,
    enableProfilingHandler: configuration.enableProfilingHandler,
    enableDebugFlagsHandler: configuration.enableDebugFlagsHandler,
    checkpoint: gates.enabled("ContainerCheckpoint"),
    flagz: gates.enabled("ComponentFlagz"),
    statusz: gates.enabled("ComponentStatusz"),
  };
}

/** First segments of plain endpoints, as /statusz lists them. */
export function listedPaths(configuration: KubeletConfiguration, gates: FeatureGates): readonly string[] {
  const roots = activeRoutes({ ...switchesOf(configuration, gates), authorized: true })
    .filter(({ route, state }) => route.kind === "exact" && state === "served" && route.handler !== "statusz")
    .map(({ route }) => `/${route.base.split("/")[1] ?? ""}`);
  return [...new Set(roots)].sort();
}

/** Services become environment variables: name, address and ports are all that is kept of them. */
export function onlyWhatEnvironmentNeeds({ metadata, spec }: Service): Service {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {
      ...(spec?.clusterIP !== undefined && { clusterIP: spec.clusterIP }),
      ...(spec?.ports !== undefined && { ports: spec.ports }),
    },
  };
}

/** Whether a kernel release ("6.1.0-18-amd64") is at least that version. */
export function kernelIsAtLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = release.split(/[.-]/).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
