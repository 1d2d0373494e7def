import type { Endpoints, KubernetesObject } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { changeEach, fill } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validateEndpoints, validateEndpointsUpdate } from "./validate-endpoints.ts";
import { endpointsWarnings } from "../object-warnings.ts";

const SHOWN = 3;

function endpointsText(endpoints: Endpoints): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return "<none>";
  const all = subsets.flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map((address) => address.ip);
    const ports = subset.ports ?? [];
    if (ports.length === 0) return addresses;
    return ports.flatMap((port) =>
      addresses.map((address) => `${address.includes(":") ? `[${address}]` : address}:${port.port}`),
    );
  });
  const shown = all.slice(0, SHOWN).join(",");
  return all.length > SHOWN ? `${shown} + ${all.length - SHOWN} more...` : shown;
}

function defaultEndpoints(object: KubernetesObject): KubernetesObject {
  return changeEach(object as Endpoints, "subsets", (subset) =>
    changeEach(subset, "ports", (port) => fill(port, { protocol: "TCP" })),
  ) as KubernetesObject;
}

export const endpointsKind = defineKind({
  group: "",
  version: "v1",
  kind: "Endpoints",
  resource: "endpoints",
  namespaced: true,
  shortNames: ["ep"],
  applyDefaults: defaultEndpoints,
  validateCreate: validateEndpoints,
  validateUpdate: validateEndpointsUpdate,
  warnings: endpointsWarnings,
  table: tableWithAge([column("Endpoints")], (object) => [endpointsText(object as Endpoints)]),
});
