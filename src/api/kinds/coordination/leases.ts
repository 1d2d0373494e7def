import type { Lease } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateLease } from "./validate-lease.ts";

export const leaseKind = defineKind({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  resource: "leases",
  namespaced: true,
  validateCreate: validateLease,
  table: tableWithAge([column("Holder")], (object) => [(object as Lease).spec?.holderIdentity ?? ""]),
});
