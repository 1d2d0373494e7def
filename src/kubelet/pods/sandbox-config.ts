import type { Pod } from "../../api/types.ts";
import { type NodeResources, sandboxResources } from "../../core/pods/container-resources.ts";
import { allContainers } from "../../core/pods/containers.ts";
import type { LinuxSandboxSecurity, PortMapping, SandboxConfig } from "../../ports/container-runtime.ts";
import type { PodIdMapping } from "../pod-volumes.ts";
import { kernelHostName, podHostName } from "./host-name.ts";
import { sandboxLabels } from "./labels.ts";
import { podLogDirectory } from "./log-paths.ts";
import type { DnsConfig } from "./pod-dns.ts";

export interface SandboxConfigInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly mapping: PodIdMapping | undefined;
  /** "" when cgroups are left to the runtime. */
  readonly cgroupParent: string;
  readonly dns: DnsConfig;
  readonly clusterDomain: string;
  /** e.g. "/var/log/pods" */
  readonly podLogsRoot: string;
  readonly node: NodeResources;
}

/** Throws OrlopError Invalid when the pod's host name does not fit. */
export function sandboxConfig(input: SandboxConfigInput): SandboxConfig {
  const { pod, attempt } = input;
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const hostNetwork = pod.spec?.hostNetwork === true;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: hostNetwork ? "" : kernelHostName(pod, podHostName(pod, input.clusterDomain)),
    logDirectory: podLogDirectory(input.podLogsRoot, namespace, name, uid),
    dns: input.dns,
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: { ...pod.metadata?.annotations },
    cgroupParent: input.cgroupParent,
    ...sandboxResources(pod, input.node),
    sysctls: Object.fromEntries(
      // The runtime knows sysctls by dots; Kubernetes allows slashes as well.
      (pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value]),
    ),
    security: sandboxSecurity(pod, input.mapping),
  };
}

function dotted(sysctl: string): string {
  const separator = /[./]/u.exec(sysctl)?.[0];
  if (separator !== "/") return sysctl;
  return sysctl.replace(/[./]/gu, (character) => (character === "/" ? "." : "/"));
}

function portMappings(pod: Pod): readonly PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.map(({ protocol, containerPort, hostPort = 0, hostIP = "" }) => ({
      protocol: protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP",
      containerPort,
      hostPort,
      hostIp: hostIP,
    })),
  );
}

function sandboxSecurity(pod: Pod, mapping: PodIdMapping | undefined): LinuxSandboxSecurity {
  const security = pod.spec?.securityContext ?? {};
  const {
    runAsUser,
    runAsGroup,
    fsGroup,
    supplementalGroups = [],
    supplementalGroupsPolicy,
    seLinuxOptions,
  } = security;
  return {
    network: pod.spec?.hostNetwork === true ? "node" : "pod",
    pid: podPidMode(pod),
    ipc: pod.spec?.hostIPC === true ? "node" : "pod",
    ...(mapping !== undefined && { userNamespace: mapping }),
    privileged: allContainers(pod).some(({ container }) => container.securityContext?.privileged === true),
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    supplementalGroups: [...(fsGroup !== undefined ? [fsGroup] : []), ...supplementalGroups],
    ...(supplementalGroupsPolicy === "Strict" && { supplementalGroupsPolicy: "Strict" as const }),
    ...(seLinuxOptions !== undefined && { seLinux: seLinuxOptions }),
    // The sandbox runs nothing of the user's: it always gets the runtime's profile.
    seccomp: { type: "RuntimeDefault" },
  };
}

export function podPidMode(pod: Pod): "pod" | "container" | "node" {
  if (pod.spec?.hostPID === true) return "node";
  return pod.spec?.shareProcessNamespace === true ? "pod" : "container";
}
