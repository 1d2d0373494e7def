import type { Pod } from "../../api/types.ts";
import { OrlopError } from "../../lib/orlop-error.ts";

/** The kernel refuses longer names. */
const LONGEST_HOST_NAME = 64;
const LONGEST_LABEL = 63;

export interface PodHostName {
  readonly hostname: string;
  /** "" when the pod has no subdomain. */
  readonly domain: string;
}

export function podHostName(pod: Pod, clusterDomain: string): PodHostName {
  const { hostname, subdomain, hostnameOverride } = pod.spec ?? {};
  if (hostnameOverride !== undefined && hostnameOverride !== "") return { hostname: hostnameOverride, domain: "" };
  const name = hostname ?? "";
  const short = name === "" ? truncate(pod.metadata?.name ?? "") : name;
  const domain =
    subdomain === undefined || subdomain === ""
      ? ""
      : `${subdomain}.${pod.metadata?.namespace ?? ""}.svc.${clusterDomain}`;
  return { hostname: short, domain };
}

/** What the sandbox's kernel is told. Throws OrlopError Invalid when a name as FQDN does not fit. */
export function kernelHostName(pod: Pod, { hostname, domain }: PodHostName): string {
  if (pod.spec?.setHostnameAsFQDN !== true || domain === "") return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > LONGEST_HOST_NAME) {
    throw new OrlopError(
      "Invalid",
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${LONGEST_HOST_NAME} characters is the max, ${full.length} characters requested)`,
    );
  }
  return full;
}

/** Host names end in a letter or digit, also when they were cut. */
function truncate(name: string): string {
  return name.length <= LONGEST_LABEL ? name : name.slice(0, LONGEST_LABEL).replace(/[-.]+$/u, "");
}
