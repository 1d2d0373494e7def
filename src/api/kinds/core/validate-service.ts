import {
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  notSupported,
  optionalName,
  optionalOneOf,
  required,
  requiredOneOf,
  when,
} from "../../field-error.ts";
import { validatePortNumberOrName } from "../../int-or-string.ts";
import { parseIp, validateCidr, validateIp } from "../../ip-address.ts";
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, portNumberProblems } from "../../names.ts";
import { validateLabels } from "../../object-meta.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Service, Unchecked } from "../../types.ts";
import { validateEndpointIp } from "./endpoint-address.ts";
import { PORT_PROTOCOLS } from "./validate-endpoints.ts";

type Spec = NonNullable<Unchecked<Service>["spec"]>;

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
/** One day. */
const LONGEST_AFFINITY = 86_400;

function isHeadless(spec: Spec): boolean {
  return spec.clusterIP === "None";
}

function isExternallyReachable(spec: Spec): boolean {
  if (spec.type === "LoadBalancer" || spec.type === "NodePort") return true;
  return spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0;
}

function portErrors(spec: Spec): readonly FieldError[] {
  const ports = spec.ports ?? [];
  const seen = { names: new Set<string>(), ports: new Set<string>(), nodePorts: new Set<string>() };
  const isNew = (set: Set<string>, key: string): boolean => !set.has(key) && set.add(key).size > 0;
  return ports.flatMap((entry, i) => {
    const at = `spec.ports[${i}]`;
    const { name = "", port = 0, protocol = "", targetPort, appProtocol, nodePort = 0 } = entry;
    return [
      ...(name === ""
        ? when(ports.length > 1, required(`${at}.name`))
        : [
            ...invalidFor(`${at}.name`, name, dnsLabelProblems(name)),
            ...when(!isNew(seen.names, name), duplicate(`${at}.name`, name)),
          ]),
      ...invalidFor(`${at}.port`, port, portNumberProblems(port)),
      ...requiredOneOf(`${at}.protocol`, protocol, PORT_PROTOCOLS),
      ...validatePortNumberOrName(targetPort as number | string | undefined, `${at}.targetPort`),
      ...(appProtocol === undefined ? [] : invalidFor(`${at}.appProtocol`, appProtocol, labelKeyProblems(appProtocol))),
      ...when(
        spec.type === "ClusterIP" && nodePort !== 0,
        forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"),
      ),
      ...when(
        nodePort !== 0 && !isNew(seen.nodePorts, `${protocol}/${nodePort}`),
        duplicate(`${at}.nodePort`, nodePort),
      ),
      ...when(!isNew(seen.ports, `${protocol}/${port}`), duplicate(at, { port, protocol })),
    ];
  });
}

function typeErrors(spec: Spec): readonly FieldError[] {
  const { type = "", externalName = "" } = spec;
  if (type === "ExternalName") {
    const text = "may not be set for ExternalName services";
    const name = externalName.replace(/\.$/u, "");
    return [
      ...when((spec.clusterIPs ?? []).length > 0, forbiddenField("spec.clusterIPs", text)),
      ...when((spec.ipFamilies ?? []).length > 0, forbiddenField("spec.ipFamilies", text)),
      ...when(spec.ipFamilyPolicy !== undefined, forbiddenField("spec.ipFamilyPolicy", text)),
      ...(name === ""
        ? [required("spec.externalName")]
        : invalidFor("spec.externalName", name, dnsSubdomainProblems(name))),
    ];
  }
  return [
    ...when((spec.ports ?? []).length === 0 && !isHeadless(spec), required("spec.ports")),
    ...when(
      isHeadless(spec) && (type === "LoadBalancer" || type === "NodePort"),
      invalidValue("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`),
    ),
  ];
}

function affinityErrors({ sessionAffinity, sessionAffinityConfig: config }: Spec): readonly FieldError[] {
  const field = "spec.sessionAffinityConfig";
  const seconds = config?.clientIP?.timeoutSeconds;
  const isTooLong = seconds !== undefined && (seconds <= 0 || seconds > LONGEST_AFFINITY);
  return [
    ...requiredOneOf("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"]),
    ...when(
      sessionAffinity === "ClientIP" && isTooLong,
      invalidValue(
        `${field}.clientIP.timeoutSeconds`,
        seconds,
        `must be greater than 0 and less than ${LONGEST_AFFINITY}`,
      ),
    ),
    ...when(
      sessionAffinity === "None" && config !== undefined,
      forbiddenField(field, "must not be set when session affinity is None"),
    ),
  ];
}

function clusterAddressErrors(spec: Spec): readonly FieldError[] {
  const addresses = (spec.clusterIPs ?? []) as readonly string[];
  const [first] = addresses;
  const families = (spec.ipFamilies ?? []) as readonly string[];
  return [
    ...when(
      spec.clusterIP !== undefined && first !== undefined && first !== spec.clusterIP,
      invalidValue("spec.clusterIPs[0]", first, "first value must match `clusterIP`"),
    ),
    ...when(addresses.length > 2, invalidValue("spec.clusterIPs", addresses, "may only hold up to 2 values")),
    ...addresses.flatMap((address, i) => {
      const at = `spec.clusterIPs[${i}]`;
      if (address === "None") {
        return when(addresses.length > 1, invalidValue(at, address, "may not be combined with other values"));
      }
      return address === ""
        ? [invalidValue(at, address, "must be empty, 'None' or a valid IP address")]
        : validateIp(at, address);
    }),
    ...when(
      addresses.length === 2 && parseIp(addresses[0] ?? "")?.family === parseIp(addresses[1] ?? "")?.family,
      invalidValue("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family"),
    ),
    ...families.flatMap((family, i) =>
      when(family !== "IPv4" && family !== "IPv6", notSupported(`spec.ipFamilies[${i}]`, family, ["IPv4", "IPv6"])),
    ),
    ...optionalOneOf("spec.ipFamilyPolicy", spec.ipFamilyPolicy, [
      "PreferDualStack",
      "RequireDualStack",
      "SingleStack",
    ]),
  ];
}

function trafficErrors(spec: Spec): readonly FieldError[] {
  const { externalTrafficPolicy: external = "", healthCheckNodePort: port = 0 } = spec;
  const needsHealthCheck = spec.type === "LoadBalancer" && external === "Local";
  const notNeeded = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [
    ...(isExternallyReachable(spec)
      ? requiredOneOf("spec.externalTrafficPolicy", external, ["Cluster", "Local"])
      : when(
          external !== "",
          invalidValue("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services"),
        )),
    ...when(!needsHealthCheck && port !== 0, invalidValue("spec.healthCheckNodePort", port, notNeeded)),
    // No ports are allocated here, so a missing one is no fault of the sender.
    ...(port === 0 ? [] : invalidFor("spec.healthCheckNodePort", port, portNumberProblems(port))),
    ...optionalOneOf("spec.internalTrafficPolicy", spec.internalTrafficPolicy, ["Cluster", "Local"]),
    ...optionalOneOf("spec.trafficDistribution", spec.trafficDistribution, [
      "PreferClose",
      "PreferSameZone",
      "PreferSameNode",
    ]),
  ];
}

function balancerErrors(spec: Spec, old: Spec | undefined): readonly FieldError[] {
  const isBalancer = spec.type === "LoadBalancer";
  const only = "may only be used when `type` is 'LoadBalancer'";
  const ranges = ((spec.loadBalancerSourceRanges ?? []) as readonly string[]).map((range) => range.trim());
  const kept = ((old?.loadBalancerSourceRanges ?? []) as readonly string[]).map((range) => range.trim());
  const field = "spec.LoadBalancerSourceRanges";
  return [
    ...when(ranges.length > 0 && !isBalancer, forbiddenField(field, only)),
    ...ranges.flatMap((range, i) => validateCidr(`${field}[${i}]`, range, kept)),
    ...when(
      spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer,
      forbiddenField("spec.allocateLoadBalancerNodePorts", only),
    ),
    ...when(spec.loadBalancerClass !== undefined && !isBalancer, forbiddenField("spec.loadBalancerClass", only)),
    ...optionalName("spec.loadBalancerClass", spec.loadBalancerClass, labelKeyProblems),
  ];
}

/** A service as a plain object: nothing is allocated, so no address or port has to be there. */
export function validateService(object: KubernetesObject, oldObject?: KubernetesObject): readonly FieldError[] {
  const spec = (object as Unchecked<Service>).spec ?? {};
  const old = (oldObject as Unchecked<Service> | undefined)?.spec;
  const keptIps = (old?.externalIPs ?? []) as readonly string[];
  return [
    ...typeErrors(spec),
    ...portErrors(spec),
    ...validateLabels(spec.selector as Readonly<Record<string, string>> | undefined, "spec.selector"),
    ...affinityErrors(spec),
    ...clusterAddressErrors(spec),
    ...((spec.externalIPs ?? []) as readonly string[]).flatMap((address, i) =>
      validateEndpointIp(`spec.externalIPs[${i}]`, address, keptIps),
    ),
    ...requiredOneOf("spec.type", spec.type, TYPES),
    ...balancerErrors(spec, old),
    ...trafficErrors(spec),
  ];
}

/** A cluster address, once there, stays. */
export function validateServiceUpdate(object: KubernetesObject, oldObject: KubernetesObject): readonly FieldError[] {
  const [spec, old] = [object, oldObject].map((service) => (service as Unchecked<Service>).spec ?? {});
  const before = old?.clusterIP ?? "";
  const isNamed = spec?.type !== "ExternalName" && old?.type !== "ExternalName";
  return [
    ...when(
      isNamed && before !== "" && spec?.clusterIP !== before,
      invalidValue("spec.clusterIPs[0]", spec?.clusterIPs ?? null, "may not change once set"),
    ),
    ...validateService(object, oldObject),
  ];
}
