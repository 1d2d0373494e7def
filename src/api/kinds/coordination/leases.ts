import type { Lease } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";

export const leaseKind = defineKind({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  resource: "leases",
  namespaced: true,
  table: tableWithAge([column("Holder")], (object) => [(object as Lease).spec?.holderIdentity ?? ""]),
});
