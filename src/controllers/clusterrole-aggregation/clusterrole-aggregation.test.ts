import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CLUSTER_ROLES } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createClusterRoleAggregationController } from "./clusterrole-aggregation.ts";

describe("createClusterRoleAggregationController()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [createClusterRoleAggregationController(deps)]);
  });
  afterEach(() => host.stop());

  it("keeps the rules those of the selected roles", async () => {
    const labels = { team: "x" };
    const part = (name: string, resource: string) => ({
      metadata: { name, labels },
      rules: [{ apiGroups: [""], resources: [resource], verbs: ["get"] }],
    });
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: labels }] };
    const made = { metadata: { name: "all" }, rules: [], aggregationRule };
    await host.client.create(CLUSTER_ROLES, made, host.signal);
    const resources = async (): Promise<readonly string[]> => {
      const role = await host.client.get(CLUSTER_ROLES, { name: "all" }, host.signal);
      return (role.rules ?? []).flatMap(({ resources }) => resources ?? []);
    };
    await host.client.create(CLUSTER_ROLES, part("two", "secrets"), host.signal);
    await host.client.create(CLUSTER_ROLES, part("one", "pods"), host.signal);
    await host.until(async () => expect(await resources()).toEqual(["pods", "secrets"]));
    await host.client.delete(CLUSTER_ROLES, { name: "two" }, host.signal);
    await host.until(async () => expect(await resources()).toEqual(["pods"]));
  });
});
