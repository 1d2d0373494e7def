import type { Container, EphemeralContainer, Pod, SecurityContext } from "../../api/types.ts";
import { effectiveSecurity, type ImageUser } from "../../core/pods/effective-security.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ContainerSecurity, NamespaceMode, SecurityProfile } from "../../ports/container-runtime.ts";
import { podPidMode } from "./sandbox-config.ts";

const MASKED_PATHS = [
  ..."asound acpi interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi"
    .split(" ")
    .map((name) => `/proc/${name}`),
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READ_ONLY_PATHS = "bus fs irq sys sysrq-trigger".split(" ").map((name) => `/proc/${name}`);

export interface ContainerSecurityOptions {
  /** Whether containers without a profile get the runtime's (seccompDefault). */
  readonly seccompDefault: boolean;
  /** Where Localhost profiles lie, e.g. "/var/lib/kubelet/seccomp". */
  readonly seccompRoot: string;
  /** Paths of this machine that are hidden as well (thermal throttle counters of its CPUs). */
  readonly extraMaskedPaths: readonly string[];
}

export function containerSecurity(
  pod: Pod,
  container: Container | EphemeralContainer,
  user: ImageUser,
  /** The runtime's id of the container whose processes an ephemeral container wants to see. */
  target: string | undefined,
  options: ContainerSecurityOptions,
  /** Groups of the pod's volumes. */
  volumeGroups: readonly number[] = [],
): ContainerSecurity {
  const security = effectiveSecurity(pod, container);
  const podSecurity = pod.spec?.securityContext ?? {};
  const unmasked = security.procMount === "Unmasked";
  const appArmor = appArmorProfile(security);
  const seLinux = security.seLinuxOptions;
  return {
    capabilities: { add: security.capabilities?.add ?? [], drop: security.capabilities?.drop ?? [] },
    privileged: security.privileged === true,
    pid: pidMode(pod, target),
    ...identity(security, user),
    ...(security.runAsGroup !== undefined && { runAsGroup: security.runAsGroup }),
    readOnlyRootFilesystem: security.readOnlyRootFilesystem === true,
    supplementalGroups: [
      ...(podSecurity.fsGroup !== undefined ? [podSecurity.fsGroup] : []),
      ...(podSecurity.supplementalGroups ?? []),
      ...volumeGroups,
    ],
    ...(podSecurity.supplementalGroupsPolicy === "Strict" && { supplementalGroupsPolicy: "Strict" as const }),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : [...MASKED_PATHS, ...options.extraMaskedPaths],
    readOnlyPaths: unmasked ? [] : READ_ONLY_PATHS,
    seccomp: seccompProfile(security, options),
    ...(appArmor !== undefined && { appArmor }),
    ...(seLinux !== undefined && { seLinux }),
  };
}

function pidMode(pod: Pod, target: string | undefined): NamespaceMode {
  const mode = podPidMode(pod);
  return mode === "container" && target !== undefined ? { target } : mode;
}

function identity(
  security: SecurityContext,
  user: ImageUser,
): { readonly runAsUser?: number; readonly runAsUserName?: string } {
  if (security.runAsUser !== undefined) return { runAsUser: security.runAsUser };
  if (user.uid !== undefined) return { runAsUser: user.uid };
  return user.username === "" ? { runAsUser: 0 } : { runAsUserName: user.username };
}

function seccompProfile(security: SecurityContext, options: ContainerSecurityOptions): SecurityProfile {
  const profile = security.seccompProfile;
  if (profile === undefined) return { type: options.seccompDefault ? "RuntimeDefault" : "Unconfined" };
  if (profile.type === "RuntimeDefault") return { type: "RuntimeDefault" };
  if (profile.type !== "Localhost") return { type: "Unconfined" };
  const { localhostProfile = "" } = profile;
  if (localhostProfile === "") {
    throw new OrlopError("Invalid", "localhostProfile must be set if seccompProfile type is Localhost.");
  }
  return { type: "Localhost", reference: `${options.seccompRoot}/${localhostProfile}` };
}

function appArmorProfile(security: SecurityContext): SecurityProfile | undefined {
  const profile = security.appArmorProfile;
  if (profile === undefined) return undefined;
  if (profile.type === "RuntimeDefault" || profile.type === "Unconfined") return { type: profile.type };
  if (profile.type !== "Localhost") {
    throw new OrlopError("Invalid", `unknown apparmor profile type: "${profile.type}"`);
  }
  if (profile.localhostProfile === undefined) {
    throw new OrlopError("Invalid", "missing localhost apparmor profile name");
  }
  return { type: "Localhost", reference: profile.localhostProfile };
}
