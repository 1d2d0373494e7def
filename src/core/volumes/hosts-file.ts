import type { Pod } from "../../api/types.ts";

export const ETC_HOSTS = "/etc/hosts";

function aliasLines(pod: Pod): string {
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}

/** /etc/hosts of a pod with its own network. */
export function managedHostsFile(
  pod: Pod,
  podIps: readonly string[],
  name: { readonly hostname: string; readonly domain: string },
): string {
  const own = podIps.map((ip) =>
    name.domain === "" ? `${ip}\t${name.hostname}\n` : `${ip}\t${name.hostname}.${name.domain}\t${name.hostname}\n`,
  );
  return [
    "# Kubernetes-managed hosts file.\n",
    "127.0.0.1\tlocalhost\n",
    "::1\tlocalhost ip6-localhost ip6-loopback\n",
    "fe00::0\tip6-localnet\n",
    "fe00::0\tip6-mcastprefix\n",
    "fe00::1\tip6-allnodes\n",
    "fe00::2\tip6-allrouters\n",
    ...own,
    aliasLines(pod),
  ].join("");
}

/** /etc/hosts of a pod on the host's network: the node's own file and the aliases. */
export function hostNetworkHostsFile(pod: Pod, nodeFile: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeFile}${aliasLines(pod)}`;
}
