import { dns1035LabelProblems } from "../../names.ts";
import type { Service } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { column, labelsText, tableWithAge, wideColumn } from "../table.ts";

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

export const serviceKind = defineKind({
  group: "",
  version: "v1",
  kind: "Service",
  resource: "services",
  namespaced: true,
  shortNames: ["svc"],
  categories: ["all"],
  hasStatus: true,
  validateName: dns1035LabelProblems,
  selectableFields: (object) => {
    const { spec } = object as Service;
    return { ...metadataFields(object, true), "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" };
  },
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
