import type { Pod } from "../../api/types.ts";
import type { SandboxConfig } from "../../ports/container-runtime.ts";

export type DnsConfig = SandboxConfig["dns"];

export interface PodDnsOptions {
  /** Addresses of the cluster's DNS service; without one ClusterFirst means the host's resolver. */
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** The host's own resolver, read from its resolv.conf. */
  readonly host: DnsConfig;
}

const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;

/** What a pod's /etc/resolv.conf says, by its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, options: PodDnsOptions): DnsConfig {
  const base = baseDns(pod, options);
  const own = pod.spec?.dnsConfig;
  const ownOptions = (own?.options ?? []).map(({ name = "", value }) => ({ name, value: value ?? "" }));
  const overridden = new Set(ownOptions.map(({ name }) => name));
  return {
    servers: unique([...base.servers, ...(own?.nameservers ?? [])]).slice(0, MOST_SERVERS),
    searches: unique([...base.searches, ...(own?.searches ?? [])]).slice(0, MOST_SEARCHES),
    options: [
      ...base.options.filter((option) => !overridden.has(option.split(":", 1)[0] ?? "")),
      ...ownOptions.map(({ name, value }) => (value === "" ? name : `${name}:${value}`)),
    ],
  };
}

function baseDns(pod: Pod, { clusterDns, clusterDomain, host }: PodDnsOptions): DnsConfig {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return { servers: [], searches: [], options: [] };
  const hostNetwork = pod.spec?.hostNetwork === true;
  const wantsCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !hostNetwork);
  if (!wantsCluster || clusterDns.length === 0) return host;
  const namespace = pod.metadata?.namespace ?? "";
  const cluster =
    clusterDomain === "" ? [] : [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { servers: clusterDns, searches: [...cluster, ...host.searches], options: ["ndots:5"] };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** The parts of a resolv.conf that matter here. The last `search` line counts, as for the C library. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/u, "")
      .trim()
      .split(/\s+/u);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === "search" || keyword === "domain") searches = values;
    else if (keyword === "options") options = values;
  }
  return { servers, searches: searches.filter((search) => search !== "."), options };
}
