import { aggregatedRules, sameRules } from "../../core/authz/role-aggregation.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { CLUSTER_ROLES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

/** Keeps the rules of cluster roles with an aggregationRule those of the roles they select. */
export function createClusterRoleAggregationController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const roles = informers.of(CLUSTER_ROLES);
  const aggregating = roles.index((role) => (role.aggregationRule === undefined ? [] : ["all"]));
  const loop = createReconcileLoop(deps, {
    name: "clusterrole-aggregation-controller",
    async reconcile(name, signal) {
      const role = roles.reader.get(name);
      const rules = role === undefined ? undefined : aggregatedRules(role, roles.reader.list());
      if (role === undefined || rules === undefined || sameRules(rules, role.rules ?? [])) return "await-change";
      const { resourceVersion } = role.metadata ?? {};
      const value = { metadata: { resourceVersion }, rules };
      await client.patch(CLUSTER_ROLES, { name }, { type: "merge", value }, signal, {
        fieldManager: "clusterrole-aggregation-controller",
      });
      return "await-change";
    },
  });
  roles.onChange(() => {
    for (const role of aggregating("all")) loop.enqueue(role.metadata?.name ?? "");
  });
  return loop;
}
