import type { Pod } from "../../api/types.ts";
import type { KernelVersion } from "../userns/mappable-filesystems.ts";
import type { Admission } from "./node-admission.ts";

type Namespace = "ipc" | "net";

/** Sysctls that touch nobody but the pod, with the kernel that put them into a namespace. Source: upstream's safe list. */
const SAFE: readonly { readonly name: string; readonly since?: KernelVersion }[] = [
  { name: "kernel.shm_rmid_forced" },
  { name: "net.ipv4.ip_local_port_range" },
  { name: "net.ipv4.tcp_syncookies" },
  { name: "net.ipv4.ping_group_range" },
  { name: "net.ipv4.ip_unprivileged_port_start" },
  { name: "net.ipv4.ip_local_reserved_ports", since: [3, 16] },
  { name: "net.ipv4.tcp_keepalive_time", since: [4, 5] },
  { name: "net.ipv4.tcp_fin_timeout", since: [4, 6] },
  { name: "net.ipv4.tcp_keepalive_intvl", since: [4, 5] },
  { name: "net.ipv4.tcp_keepalive_probes", since: [4, 5] },
  { name: "net.ipv4.tcp_rmem", since: [4, 15] },
  { name: "net.ipv4.tcp_wmem", since: [4, 15] },
];

const NAMESPACES: readonly (readonly [prefix: string, namespace: Namespace])[] = [
  ["kernel.shm", "ipc"],
  ["kernel.msg", "ipc"],
  ["fs.mqueue.", "ipc"],
  ["net.", "net"],
];

const PATTERN = /^([a-z0-9][-_a-z0-9]*[./])*([a-z0-9][-_a-z0-9]*)?\*?$/;
const MAX_LENGTH = 253;

/** What is wrong with a list of `allowedUnsafeSysctls`; undefined when nothing is. */
export function unsafeSysctlsProblem(patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    if (pattern === "" || pattern.length > MAX_LENGTH || !PATTERN.test(pattern)) {
      return `sysctl "${pattern}" is neither a name nor a name that ends in "*"`;
    }
    const name = normalized(pattern);
    if (namespaceOf(name) === undefined) return `the sysctls "${withoutStar(name)}" are not known to be namespaced`;
  }
  return undefined;
}

/**
 * Whether the sysctls of a pod are safe, or allowed on this node, and its own to set. Refusals have upstream's words.
 *
 * @param allowed names, or beginnings of names that end in "*" (allowedUnsafeSysctls)
 */
export function admitSysctls(
  pod: Pod,
  allowed: readonly string[],
  kernelIsAtLeast: (version: KernelVersion) => boolean,
): Admission {
  const { securityContext, hostNetwork, hostIPC } = pod.spec ?? {};
  const safe = SAFE.filter(({ since }) => since === undefined || kernelIsAtLeast(since)).map(({ name }) => name);
  const patterns = [...safe, ...allowed.map(normalized)];
  for (const sysctl of securityContext?.sysctls ?? []) {
    const name = normalized(sysctl.name);
    if (!patterns.some((pattern) => matches(pattern, name))) return forbidden(`"${name}" not allowlisted`);
    const namespace = namespaceOf(name);
    const isHosts = namespace === "net" ? hostNetwork === true : hostIPC === true;
    if (isHosts) return forbidden(`"${name}" not allowed with host ${namespace ?? ""} enabled`);
  }
  return { admitted: true };
}

function forbidden(why: string): Admission {
  return { admitted: false, reason: "SysctlForbidden", message: `forbidden sysctl: ${why}` };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(withoutStar(pattern)) : name === pattern;
}

function withoutStar(pattern: string): string {
  return pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
}

function namespaceOf(name: string): Namespace | undefined {
  if (name === "kernel.sem") return "ipc";
  return NAMESPACES.find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** A name whose first separator is a slash writes dots inside of a part as dots: `net/ipv4/conf/eno2.100/forwarding`. */
function normalized(name: string): string {
  const first = name.search(/[./]/);
  if (first < 0 || name[first] === ".") return name;
  return name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}
