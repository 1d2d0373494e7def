import { containersOf } from "../../api/pod.ts";
import type { Container, SecurityContext } from "../../api/types.ts";
import {
  type Check,
  type CheckPod,
  containers,
  hasOwnUsers,
  namesWhere,
  plural,
  profileType,
  quoted,
  setters,
  sortedSet,
  unless,
} from "./check.ts";
import { seccompBaselineByAnnotations, seccompBaselineByFields } from "./seccomp-checks.ts";

const APPARMOR_ANNOTATIONS = "container.apparmor.security.beta.kubernetes.io/";
const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);
const SELINUX_TYPES = ["", "container_t", "container_init_t", "container_kvm_t"];
const SYSCTLS_0 = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
];
const SYSCTLS_27 = [...SYSCTLS_0, "net.ipv4.ip_local_reserved_ports"];
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
];
const SYSCTLS_32 = [...SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];
const SYSCTLS_37 = [...SYSCTLS_32, "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"];

const appArmorProfile: CheckPod = ({ metadata, spec }) => {
  const isBad = (type: string | undefined): boolean =>
    type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
  const podType = profileType(spec.securityContext?.appArmorProfile);
  const typeOf = ({ securityContext }: Pick<Container, "securityContext">): string | undefined =>
    profileType(securityContext?.appArmorProfile);
  const bad = namesWhere(spec, (container) => isBad(typeOf(container)));
  const types = sortedSet([podType, ...containersOf(spec).map(typeOf)].flatMap((type) => type ?? []).filter(isBad));
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APPARMOR_ANNOTATIONS) && !isAppArmorAnnotationAllowed(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted();
  const values = [...types, ...annotations];
  if (values.length === 0) return undefined;
  const who = [
    setters(isBad(podType), bad),
    annotations.length > 0 ? plural("annotation", "annotations", annotations.length) : "",
  ]
    .filter((text) => text !== "")
    .join(" and ");
  return {
    reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.length),
    detail: `${who} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

function isAppArmorAnnotationAllowed(value: string): boolean {
  return value === "" || value === "runtime/default" || value.startsWith("localhost/");
}

const capabilities: CheckPod = ({ spec }) => {
  const added = ({ securityContext }: Pick<Container, "securityContext">): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !DEFAULT_CAPABILITIES.has(name));
  const bad = namesWhere(spec, (container) => added(container).length > 0);
  if (bad.length === 0) return undefined;
  return {
    reason: "non-default capabilities",
    detail: `${containers(bad)} must not include ${quoted(sortedSet(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`,
  };
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true);
  if (shared.length === 0) return undefined;
  return { reason: "host namespaces", detail: shared.map((field) => `${field}=true`).join(", ") };
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: "hostPath volumes", detail: `${plural("volume", "volumes", names.length)} ${quoted(names)}` };
};

const hostPorts: CheckPod = ({ spec }) => {
  const portsOf = ({ ports }: Pick<Container, "ports">): readonly string[] =>
    (ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
  const bad = namesWhere(spec, (container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sortedSet(containersOf(spec).flatMap(portsOf));
  return {
    reason: "hostPort",
    detail: `${containers(bad)} ${plural("uses", "use", bad.length)} ${plural("hostPort", "hostPorts", ports.length)} ${ports.join(", ")}`,
  };
};

type Hosting = Pick<Container, "livenessProbe" | "readinessProbe" | "startupProbe" | "lifecycle">;

const probeHosts: CheckPod = ({ spec }) => {
  const hostsOf = (container: Hosting): readonly string[] =>
    [
      container.livenessProbe,
      container.readinessProbe,
      container.startupProbe,
      container.lifecycle?.postStart,
      container.lifecycle?.preStop,
    ]
      .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
      .flatMap((host) => (host === undefined || host === "" ? [] : [host]));
  const bad = sortedSet(namesWhere(spec, (container) => hostsOf(container).length > 0));
  if (bad.length === 0) return undefined;
  const hosts = sortedSet(containersOf(spec).flatMap(hostsOf));
  const what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.length);
  return {
    reason: "probe or lifecycle host",
    detail: `${containers(bad)} ${plural("uses", "use", bad.length)} ${what} ${quoted(hosts)}`,
  };
};

const privileged: CheckPod = ({ spec }) => {
  const bad = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  return { reason: "privileged", detail: `${containers(bad)} must not set securityContext.privileged=true` };
};

/** Masks over /proc stay on. */
export const procMount: CheckPod = ({ spec }) => {
  const typeOf = ({ securityContext }: Pick<Container, "securityContext">): readonly string[] => {
    const type = securityContext?.procMount;
    return type === undefined || type === "Default" ? [] : [type];
  };
  const bad = namesWhere(spec, (container) => typeOf(container).length > 0);
  if (bad.length === 0) return undefined;
  return {
    reason: "procMount",
    detail: `${containers(bad)} must not set securityContext.procMount to ${quoted(sortedSet(containersOf(spec).flatMap(typeOf)))}`,
  };
};

type SELinuxOptions = NonNullable<SecurityContext["seLinuxOptions"]>;

function seLinuxOptions(allowedTypes: readonly string[]): CheckPod {
  const isBad = (options: SELinuxOptions | undefined): boolean =>
    options !== undefined &&
    (!allowedTypes.includes(options.type ?? "") || (options.user ?? "") !== "" || (options.role ?? "") !== "");
  return ({ spec }) => {
    const podOptions = spec.securityContext?.seLinuxOptions;
    const bad = namesWhere(spec, ({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    if (!isBad(podOptions) && bad.length === 0) return undefined;
    const all = [podOptions, ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const types = sortedSet(all.map((options) => options?.type ?? "").filter((type) => !allowedTypes.includes(type)));
    const data = [
      ...(types.length > 0 ? [`${plural("type", "types", types.length)} ${quoted(types)}`] : []),
      ...(all.some((options) => (options?.user ?? "") !== "") ? ["user may not be set"] : []),
      ...(all.some((options) => (options?.role ?? "") !== "") ? ["role may not be set"] : []),
    ];
    const who = setters(isBad(podOptions), bad);
    return {
      reason: "seLinuxOptions",
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}`,
    };
  };
}

function sysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
  };
}

const windowsHostProcess: CheckPod = ({ spec }) => {
  const isPodBad = spec.securityContext?.windowsOptions?.hostProcess === true;
  const bad = namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  if (!isPodBad && bad.length === 0) return undefined;
  const who = setters(isPodBad, bad);
  return { reason: "hostProcess", detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

/** The rules against known ways to more rights, sorted by their IDs. */
export const BASELINE_CHECKS: readonly Check[] = [
  { id: "appArmorProfile", level: "baseline", versions: [{ since: 0, check: appArmorProfile }] },
  { id: "capabilities_baseline", level: "baseline", versions: [{ since: 0, check: capabilities }] },
  { id: "hostNamespaces", level: "baseline", versions: [{ since: 0, check: hostNamespaces }] },
  { id: "hostPathVolumes", level: "baseline", versions: [{ since: 0, check: hostPathVolumes }] },
  { id: "hostPorts", level: "baseline", versions: [{ since: 0, check: hostPorts }] },
  { id: "hostProbesAndHostLifecycle", level: "baseline", versions: [{ since: 34, check: probeHosts }] },
  { id: "privileged", level: "baseline", versions: [{ since: 0, check: privileged }] },
  {
    id: "procMount",
    level: "baseline",
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: unless(hasOwnUsers, procMount) },
    ],
  },
  {
    id: "seLinuxOptions",
    level: "baseline",
    versions: [
      { since: 0, check: seLinuxOptions(SELINUX_TYPES) },
      { since: 31, check: seLinuxOptions([...SELINUX_TYPES, "container_engine_t"]) },
    ],
  },
  {
    id: "seccompProfile_baseline",
    level: "baseline",
    versions: [
      { since: 0, check: seccompBaselineByAnnotations },
      { since: 19, check: seccompBaselineByFields },
    ],
  },
  {
    id: "sysctls",
    level: "baseline",
    versions: [
      { since: 0, check: sysctls(SYSCTLS_0) },
      { since: 27, check: sysctls(SYSCTLS_27) },
      { since: 29, check: sysctls(SYSCTLS_29) },
      { since: 32, check: sysctls(SYSCTLS_32) },
      { since: 37, check: sysctls(SYSCTLS_37) },
    ],
  },
  { id: "windowsHostProcess", level: "baseline", versions: [{ since: 0, check: windowsHostProcess }] },
];
