import { dnsLabelProblems } from "../../names.ts";
import type { KubernetesObject, Service } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { changeEach, fill, without } from "../fill.ts";
import { column, labelsText, tableWithAge, wideColumn } from "../table.ts";
import { validateService, validateServiceUpdate } from "./validate-service.ts";
import { serviceWarnings } from "./service-warnings.ts";

type ServiceSpec = NonNullable<Service["spec"]>;

function balancerAddresses(service: Service): readonly string[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const addresses = ingress.map((entry) => entry.ip ?? entry.hostname ?? "").filter((address) => address !== "");
  return [...new Set(addresses)].sort();
}

function externalAddress(service: Service): string {
  const externalIps = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case "ClusterIP":
    case "NodePort":
      return externalIps.join(",") || "<none>";
    case "LoadBalancer":
      return [...balancerAddresses(service), ...externalIps].join(",") || "<pending>";
    case "ExternalName":
      return service.spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portsText(service: Service): string {
  const ports = (service.spec?.ports ?? []).map((port) => {
    const nodePort = port.nodePort === undefined || port.nodePort === 0 ? "" : `:${port.nodePort}`;
    return `${port.port}${nodePort}/${port.protocol ?? ""}`;
  });
  return ports.join(",") || "<none>";
}

const AFFINITY_SECONDS = 10_800;

function defaultAffinity(spec: ServiceSpec): ServiceSpec {
  if (spec.sessionAffinity === "None") return without(spec, "sessionAffinityConfig");
  if (spec.sessionAffinity !== "ClientIP" || spec.sessionAffinityConfig?.clientIP?.timeoutSeconds !== undefined) {
    return spec;
  }
  return { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: AFFINITY_SECONDS } } };
}

function isExternallyReachable(spec: ServiceSpec): boolean {
  const isExposed = spec.type === "LoadBalancer" || spec.type === "NodePort";
  return isExposed || (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
}

function defaultSpec(given: ServiceSpec): ServiceSpec {
  let spec = fill(given, { sessionAffinity: "None", type: "ClusterIP" });
  spec = defaultAffinity(spec);
  spec = changeEach(spec, "ports", (port) => ({
    ...fill(port, { protocol: "TCP" }),
    targetPort: port.targetPort || port.port,
  }));
  if (isExternallyReachable(spec)) spec = fill(spec, { externalTrafficPolicy: "Cluster" });
  if (spec.type !== "ExternalName") spec = fill(spec, { internalTrafficPolicy: "Cluster" });
  return spec.type === "LoadBalancer" ? fill(spec, { allocateLoadBalancerNodePorts: true }) : spec;
}

/** clusterIP and clusterIPs say the same. Nothing is allocated: a service without an address keeps none. */
function withAddresses(spec: ServiceSpec): ServiceSpec {
  const first = spec.clusterIP ?? spec.clusterIPs?.[0];
  if (first === undefined || spec.type === "ExternalName") return spec;
  const clusterIPs = spec.clusterIPs ?? [first];
  if (first === "None") return { ...spec, clusterIP: first, clusterIPs };
  const families = clusterIPs.map((address) => (address.includes(":") ? "IPv6" : "IPv4"));
  return {
    ipFamilies: families,
    ipFamilyPolicy: families.length > 1 ? "RequireDualStack" : "SingleStack",
    ...spec,
    clusterIP: first,
    clusterIPs,
  };
}

function prepareSpec(object: KubernetesObject): KubernetesObject {
  const { spec } = object as Service;
  return spec === undefined ? object : { ...object, spec: withAddresses(spec) };
}

/** Who leaves out the cluster addresses does not want to change them. */
function keepingAddresses(service: Service, { spec: old }: Service): KubernetesObject {
  const { spec } = service;
  if (spec === undefined || old === undefined || spec.type === "ExternalName" || old.type === "ExternalName") {
    return service as KubernetesObject;
  }
  const clusterIP = spec.clusterIP ?? old.clusterIP;
  const clusterIPs = spec.clusterIPs ?? (clusterIP === old.clusterIP ? old.clusterIPs : undefined);
  return {
    ...service,
    spec: { ...spec, ...(clusterIP !== undefined && { clusterIP }), ...(clusterIPs !== undefined && { clusterIPs }) },
  } as KubernetesObject;
}

export const serviceKind = defineKind({
  group: "",
  version: "v1",
  kind: "Service",
  resource: "services",
  namespaced: true,
  shortNames: ["svc"],
  categories: ["all"],
  hasStatus: true,
  applyDefaults: (object) => ({ ...object, spec: defaultSpec((object as Service).spec ?? {}) }),
  prepareForCreate: (object) => prepareSpec({ ...object, status: {} }),
  prepareForUpdate: (object, old) => prepareSpec(keepingAddresses(object as Service, old as Service)),
  validateCreate: (object) => validateService(object),
  validateUpdate: validateServiceUpdate,
  validateName: dnsLabelProblems,
  selectableFields: (object) => {
    const { spec } = object as Service;
    return { ...metadataFields(object, true), "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" };
  },
  warnings: serviceWarnings,
  table: tableWithAge(
    [column("Type"), column("Cluster-IP"), column("External-IP"), column("Port(s)")],
    (object) => {
      const service = object as Service;
      return [
        service.spec?.type ?? "",
        service.spec?.clusterIPs?.[0] ?? "<none>",
        externalAddress(service),
        portsText(service),
        labelsText(service.spec?.selector),
      ];
    },
    [wideColumn("Selector")],
  ),
});
