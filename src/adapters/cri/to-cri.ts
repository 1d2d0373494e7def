import type * as port from "../../ports/container-runtime.ts";
import * as cri from "./generated/cri.ts";
import { stopSignalNumber } from "./stop-signals.ts";

/** Our words into CRI messages. */

export function toSandboxConfig(config: port.SandboxConfig): cri.PodSandboxConfig {
  const { security } = config;
  return cri.PodSandboxConfig.fromPartial({
    metadata: { ...config.metadata },
    hostname: config.hostname,
    logDirectory: config.logDirectory,
    dnsConfig: { servers: config.dns.servers, searches: config.dns.searches, options: config.dns.options },
    portMappings: config.portMappings.map((mapping) => ({
      protocol: cri.Protocol[mapping.protocol],
      containerPort: mapping.containerPort,
      hostPort: mapping.hostPort,
      hostIp: mapping.hostIp,
    })),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    linux: {
      cgroupParent: config.cgroupParent,
      sysctls: { ...config.sysctls },
      securityContext: {
        namespaceOptions: namespaceOptions(security, security.pid),
        ...(security.seLinux !== undefined && { selinuxOptions: security.seLinux }),
        ...identity(security),
        supplementalGroups: security.supplementalGroups.map(BigInt),
        supplementalGroupsPolicy: cri.SupplementalGroupsPolicy[security.supplementalGroupsPolicy ?? "Merge"],
        privileged: security.privileged,
        seccomp: securityProfile(security.seccomp),
      },
      ...(config.overhead !== undefined && { overhead: resources(config.overhead) }),
      ...(config.resources !== undefined && { resources: resources(config.resources) }),
    },
  });
}

export function toContainerConfig(config: port.ContainerConfig, sandbox: port.SandboxConfig): cri.ContainerConfig {
  const { security } = config;
  return cri.ContainerConfig.fromPartial({
    metadata: { ...config.metadata },
    image: { image: config.image.reference, userSpecifiedImage: config.image.userSpecified },
    command: config.command,
    args: config.args,
    workingDir: config.workingDir,
    envs: config.env.map(({ name, value }) => ({ key: name, value: new TextEncoder().encode(value) })),
    mounts: config.mounts.map(toMount),
    devices: config.devices.map((device) => ({ ...device })),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    logPath: config.logPath,
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: resources(config.resources),
      securityContext: {
        capabilities: {
          addCapabilities: security.capabilities.add,
          dropCapabilities: security.capabilities.drop,
        },
        privileged: security.privileged,
        namespaceOptions: namespaceOptions(sandbox.security, security.pid),
        ...(security.seLinux !== undefined && { selinuxOptions: security.seLinux }),
        ...identity(security),
        ...(security.runAsUserName !== undefined && { runAsUsername: security.runAsUserName }),
        readonlyRootfs: security.readOnlyRootFilesystem,
        supplementalGroups: security.supplementalGroups.map(BigInt),
        supplementalGroupsPolicy: cri.SupplementalGroupsPolicy[security.supplementalGroupsPolicy ?? "Merge"],
        noNewPrivs: security.noNewPrivileges,
        maskedPaths: security.maskedPaths,
        readonlyPaths: security.readOnlyPaths,
        seccomp: securityProfile(security.seccomp),
        ...(security.appArmor !== undefined && { apparmor: securityProfile(security.appArmor) }),
      },
    },
    stopSignal: stopSignalNumber(config.stopSignal),
  });
}

const PROPAGATION = {
  private: cri.MountPropagation.PROPAGATION_PRIVATE,
  "host-to-container": cri.MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  bidirectional: cri.MountPropagation.PROPAGATION_BIDIRECTIONAL,
} as const;

function toMount(mount: port.ContainerMount): cri.Mount {
  return cri.Mount.fromPartial({
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    readonly: mount.readOnly,
    recursiveReadOnly: mount.recursiveReadOnly ?? false,
    selinuxRelabel: mount.seLinuxRelabel,
    propagation: PROPAGATION[mount.propagation],
    uidMappings: (mount.uidMappings ?? []).map(toIdMapping),
    gidMappings: (mount.gidMappings ?? []).map(toIdMapping),
  });
}

function toIdMapping(mapping: port.IdMapping): cri.IDMapping {
  return { hostId: mapping.hostId, containerId: mapping.containerId, length: mapping.length };
}

/**
 * The user namespace is always spelled out: a runtime that gets none takes the host's, so asking for NODE by name makes
 * the difference between "the host's was wanted" and "an old kubelet did not know" visible (KEP-127).
 */
function namespaceOptions(sandbox: port.LinuxSandboxSecurity, pid: port.NamespaceMode): cri.NamespaceOption {
  const mapped = sandbox.userNamespace;
  return {
    network: namespaceMode(sandbox.network),
    ipc: namespaceMode(sandbox.ipc),
    pid: namespaceMode(pid),
    targetId: typeof pid === "object" ? pid.target : "",
    usernsOptions:
      mapped === undefined
        ? { mode: cri.NamespaceMode.NODE, uids: [], gids: [] }
        : {
            mode: cri.NamespaceMode.POD,
            uids: mapped.uidMappings.map(toIdMapping),
            gids: mapped.gidMappings.map(toIdMapping),
          },
  };
}

function namespaceMode(mode: port.NamespaceMode): cri.NamespaceMode {
  if (typeof mode === "object") return cri.NamespaceMode.TARGET;
  return { pod: cri.NamespaceMode.POD, container: cri.NamespaceMode.CONTAINER, node: cri.NamespaceMode.NODE }[mode];
}

function securityProfile(profile: port.SecurityProfile): cri.SecurityProfile {
  return {
    profileType: cri.ProfileType[profile.type],
    localhostRef: profile.type === "Localhost" ? profile.reference : "",
  };
}

function identity(security: { readonly runAsUser?: number; readonly runAsGroup?: number }): {
  runAsUser?: cri.Int64Value;
  runAsGroup?: cri.Int64Value;
} {
  return {
    ...(security.runAsUser !== undefined && { runAsUser: { value: BigInt(security.runAsUser) } }),
    ...(security.runAsGroup !== undefined && { runAsGroup: { value: BigInt(security.runAsGroup) } }),
  };
}

function resources(wanted: port.ContainerResources): cri.LinuxContainerResources {
  return cri.LinuxContainerResources.fromPartial({
    cpuShares: BigInt(wanted.cpuShares ?? 0),
    cpuQuota: BigInt(wanted.cpuQuota ?? 0),
    cpuPeriod: BigInt(wanted.cpuPeriod ?? 0),
    memoryLimitInBytes: BigInt(wanted.memoryLimitBytes ?? 0),
    oomScoreAdj: BigInt(wanted.oomScoreAdj ?? 0),
    cpusetCpus: wanted.cpusetCpus ?? "",
    unified: { ...wanted.unified },
  });
}
