import { cidrWarnings, ipWarnings } from "../../ip-warnings.ts";
import type { KubernetesObject, Service } from "../../types.ts";

type Spec = NonNullable<Service["spec"]>;

function isHeadless({ type, clusterIP }: Spec): boolean {
  return type === "ClusterIP" && clusterIP === "None";
}

/** What a field says although the service is of a type that does not look at it. */
function ignoredFields(spec: Spec): readonly string[] {
  const isNamed = spec.type === "ExternalName";
  const hasIps = (spec.externalIPs ?? []).length > 0;
  const headless = [
    [(spec.loadBalancerIP ?? "") !== "", "spec.loadBalancerIP is ignored for headless services"],
    [hasIps, "spec.externalIPs is ignored for headless services"],
    [spec.sessionAffinity !== "None", "spec.SessionAffinity is ignored for headless services"],
  ] as const;
  const others = [
    [
      hasIps && !isHeadless(spec) && !isNamed,
      "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
    ],
    [isNamed && hasIps, 'spec.externalIPs is ignored when spec.type is "ExternalName"'],
    [!isNamed && (spec.externalName ?? "") !== "", 'spec.externalName is ignored when spec.type is not "ExternalName"'],
    [
      spec.trafficDistribution === "PreferClose",
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  ] as const;
  return [...(isHeadless(spec) ? headless : []), ...others].flatMap(([applies, text]) => (applies ? [text] : []));
}

export function serviceWarnings(object: KubernetesObject): readonly string[] {
  const { metadata, spec = {} } = object as Service;
  const hints = "service.kubernetes.io/topology-aware-hints";
  const hasHints = metadata?.annotations?.[hints] !== undefined;
  const { clusterIPs = [], externalIPs = [], loadBalancerIP = "", loadBalancerSourceRanges = [] } = spec;
  return [
    ...(hasHints ? [`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`] : []),
    ...clusterIPs.flatMap((address, i) => ipWarnings(`spec.clusterIPs[${i}]`, address)),
    ...externalIPs.flatMap((address, i) => ipWarnings(`spec.externalIPs[${i}]`, address)),
    ...ipWarnings("spec.loadBalancerIP", loadBalancerIP),
    ...loadBalancerSourceRanges.flatMap((range, i) => cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, range)),
    ...ignoredFields(spec),
  ];
}
