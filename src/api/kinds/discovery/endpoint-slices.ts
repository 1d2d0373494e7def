import type { EndpointSlice } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { changeEach } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./validate-endpoint-slice.ts";
import { endpointSliceWarnings } from "../object-warnings.ts";

const SHOWN = 3;

function listed(all: readonly string[]): string {
  if (all.length === 0) return "<unset>";
  const shown = all.slice(0, SHOWN).join(",");
  return all.length > SHOWN ? `${shown} + ${all.length - SHOWN} more...` : shown;
}

export const endpointSliceKind = defineKind({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  resource: "endpointslices",
  namespaced: true,
  hasGeneration: true,
  applyDefaults: (object) => ({
    ...object,
    ...changeEach(object as unknown as EndpointSlice, "ports", (port) => ({ name: "", protocol: "TCP", ...port })),
  }),
  validateCreate: (object) => validateEndpointSlice(object),
  validateUpdate: validateEndpointSliceUpdate,
  warnings: endpointSliceWarnings,
  table: tableWithAge([column("AddressType"), column("Ports"), column("Endpoints")], (object) => {
    const { addressType, ports, endpoints } = object as unknown as EndpointSlice;
    return [
      addressType,
      listed((ports ?? []).map((port) => (port.port === undefined ? (port.name ?? "*") : String(port.port)))),
      listed((endpoints ?? []).flatMap((endpoint) => endpoint.addresses)),
    ];
  }),
});
