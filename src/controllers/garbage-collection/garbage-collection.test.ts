import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigMap, OwnerReference } from "../../api/types.ts";
import { CONFIG_MAPS, EVENTS, NODES, type Resource } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createGarbageCollectionController } from "./garbage-collection.ts";

describe("createGarbageCollectionController()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [createGarbageCollectionController(deps)]);
  });
  afterEach(() => host.stop());

  const reference = (owner: ConfigMap, more: Partial<OwnerReference> = {}): OwnerReference => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.metadata?.name ?? "",
    uid: owner.metadata?.uid ?? "",
    ...more,
  });
  const make = (name: string, ownerReferences: readonly OwnerReference[] = []): Promise<ConfigMap> =>
    host.client.create(CONFIG_MAPS, { metadata: { namespace: "default", name, ownerReferences } }, host.signal);
  const names = async (): Promise<readonly string[]> =>
    (await host.client.list(CONFIG_MAPS, { namespace: "default" }, host.signal)).items
      .map(({ metadata }) => metadata?.name ?? "")
      .filter((name) => name !== "kube-root-ca.crt");
  const remove = (name: string, propagationPolicy?: "Foreground" | "Orphan"): Promise<void> =>
    host.client.delete(
      CONFIG_MAPS,
      { namespace: "default", name },
      host.signal,
      propagationPolicy === undefined ? {} : { propagationPolicy },
    );

  it("deletes dependents of dependents in the background", async () => {
    const owner = await make("owner");
    const child = await make("child", [reference(owner)]);
    await make("grandchild", [reference(child)]);
    await make("other");
    await remove("owner");
    await host.until(async () => expect(await names()).toEqual(["other"]));
  });

  it("deletes what is created with an owner that is gone", async () => {
    await make("late", [{ apiVersion: "v1", kind: "ConfigMap", name: "never", uid: "none" }]);
    await host.until(async () => expect(await names()).toEqual([]));
  });

  it("deletes what names a living owner by a UID that is not its own", async () => {
    const owner = await make("owner");
    await make("wrong", [reference(owner, { uid: "another" })]);
    await host.until(async () => expect(await names()).toEqual(["owner"]));
  });

  it("keeps what another owner keeps, without the reference to the one that is gone", async () => {
    const [first, second] = [await make("first"), await make("second")];
    await make("child", [reference(first), reference(second)]);
    await remove("first");
    await host.until(async () => {
      const child = await host.client.get(CONFIG_MAPS, { namespace: "default", name: "child" }, host.signal);
      expect(child.metadata?.ownerReferences?.map(({ name }) => name)).toEqual(["second"]);
    });
    expect(await names()).toEqual(["child", "second"]);
  });

  it("lets an owner deleted in the foreground go only after the dependents that block", async () => {
    const owner = await make("owner");
    await host.client.create(
      CONFIG_MAPS,
      {
        metadata: {
          namespace: "default",
          name: "child",
          ownerReferences: [reference(owner, { blockOwnerDeletion: true })],
          finalizers: ["example.com/hold"],
        },
      },
      host.signal,
    );
    await host.clock.advance(1_000);
    await remove("owner", "Foreground");
    await host.until(async () => {
      const child = await host.client.get(CONFIG_MAPS, { namespace: "default", name: "child" }, host.signal);
      expect(child.metadata?.deletionTimestamp).toBeDefined();
    });
    expect(await names()).toEqual(["child", "owner"]);
    const value = { metadata: { finalizers: null } };
    await host.client.patch(
      CONFIG_MAPS,
      { namespace: "default", name: "child" },
      { type: "merge", value },
      host.signal,
    );
    await host.until(async () => expect(await names()).toEqual([]));
  });

  it("orphans dependents when asked to", async () => {
    const owner = await make("owner");
    await make("child", [reference(owner)]);
    await host.clock.advance(1_000);
    await remove("owner", "Orphan");
    await host.until(async () => expect(await names()).toEqual(["child"]));
    const child = await host.client.get(CONFIG_MAPS, { namespace: "default", name: "child" }, host.signal);
    expect(child.metadata?.ownerReferences ?? []).toEqual([]);
  });

  it("never deletes for an owner of a kind it does not know, or one it may not have", async () => {
    const owner = await make("owner");
    await make("unknown", [{ apiVersion: "example.com/v1", kind: "Widget", name: "w", uid: "w" }]);
    const node = NODES as Resource<ConfigMap>;
    await host.client.create(
      node,
      { metadata: { name: "n", ownerReferences: [reference(owner, { uid: "x" })] } },
      host.signal,
    );
    await host.clock.advance(20_000);
    expect(await names()).toEqual(["owner", "unknown"]);
    expect((await host.client.list(NODES, {}, host.signal)).items).toHaveLength(1);
    expect((await host.client.list(EVENTS, {}, host.signal)).items).toEqual([]);
  });
});
