import type { KubernetesObject, Lease } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { changeField, dropUnlessUsed } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validateLease } from "./validate-lease.ts";

function dropDisabled(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { gates }: KindContext,
): KubernetesObject {
  const isEnabled = gates.enabled("CoordinatedLeaderElection");
  return changeField(object as Lease, "spec", (spec) =>
    dropUnlessUsed(spec, (old as Lease | undefined)?.spec, { strategy: isEnabled, preferredHolder: isEnabled }),
  ) as KubernetesObject;
}

export const leaseKind = defineKind({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  resource: "leases",
  namespaced: true,
  prepareForCreate: (object, context) => dropDisabled(object, undefined, context),
  prepareForUpdate: dropDisabled,
  validateCreate: validateLease,
  table: tableWithAge([column("Holder")], (object) => [(object as Lease).spec?.holderIdentity ?? ""]),
});
