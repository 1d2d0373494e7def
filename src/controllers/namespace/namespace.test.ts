import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Namespace } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { CONFIG_MAPS, NAMESPACES, PODS, SERVICE_ACCOUNTS } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createRootCaPublisherController } from "../root-ca-publisher/root-ca-publisher.ts";
import { createServiceAccountController } from "../service-account/service-account.ts";
import { createNamespaceController } from "./namespace.ts";

describe("namespaces", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createNamespaceController(deps),
      createServiceAccountController(deps),
      createRootCaPublisherController(deps, { rootCa: "PEM" }),
    ]);
  });
  afterEach(() => host.stop());

  const namespace = (): Promise<Namespace> => host.client.get(NAMESPACES, { name: "apps" }, host.signal);
  const isGone = async (): Promise<boolean> => {
    const failure = await namespace().catch((reason: unknown) => reason);
    return hasReason(failure, "NotFound");
  };
  const rootCa = { namespace: "apps", name: "kube-root-ca.crt" };
  const account = { namespace: "apps", name: "default" };

  it("get a default ServiceAccount and the root CA, again when deleted or changed", async () => {
    await host.client.create(NAMESPACES, { metadata: { name: "apps" } }, host.signal);
    const wantBoth = (): Promise<void> =>
      host.until(async () => {
        await host.client.get(SERVICE_ACCOUNTS, account, host.signal);
        const config = await host.client.get(CONFIG_MAPS, rootCa, host.signal);
        expect(config.data).toEqual({ "ca.crt": "PEM" });
        expect(config.metadata?.annotations?.["kubernetes.io/description"]).toMatch(/^Contains a CA bundle/);
      });
    await wantBoth();
    await host.client.delete(SERVICE_ACCOUNTS, account, host.signal);
    const value = { data: { "ca.crt": "other", more: "x" } };
    await host.client.patch(CONFIG_MAPS, rootCa, { type: "merge", value }, host.signal);
    await wantBoth();
    await host.client.delete(CONFIG_MAPS, rootCa, host.signal);
    await wantBoth();
  });

  it("are emptied and then go", async () => {
    await host.client.create(NAMESPACES, { metadata: { name: "apps" } }, host.signal);
    await host.until(() => host.client.get(SERVICE_ACCOUNTS, account, host.signal));
    await host.client.delete(NAMESPACES, { name: "apps" }, host.signal);
    await host.until(isGone);
    expect((await host.client.list(CONFIG_MAPS, { namespace: "apps" }, host.signal)).items).toEqual([]);
  });

  it("wait for their pods, then for finalizers, and tell what they wait for", async () => {
    await host.client.create(NAMESPACES, { metadata: { name: "apps" } }, host.signal);
    await host.until(() => host.client.get(SERVICE_ACCOUNTS, account, host.signal));
    const held = { metadata: { namespace: "apps", name: "held", finalizers: ["example.com/hold"] } };
    await host.client.create(CONFIG_MAPS, held, host.signal);
    await host.client.create(
      PODS,
      { metadata: { namespace: "apps", name: "p" }, spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] } },
      host.signal,
    );
    await host.client.delete(NAMESPACES, { name: "apps" }, host.signal);
    const condition = async (type: string): Promise<string | undefined> =>
      (await namespace()).status?.conditions?.find((condition) => condition.type === type)?.message;

    await host.until(async () =>
      expect(await condition("NamespaceContentRemaining")).toBe(
        "Some resources are remaining: pods. has 1 resource instances",
      ),
    );
    expect(
      (await host.client.get(CONFIG_MAPS, held.metadata, host.signal)).metadata?.deletionTimestamp,
    ).toBeUndefined();
    await host.client.delete(PODS, { namespace: "apps", name: "p" }, host.signal, { gracePeriodSeconds: 0 });
    await host.until(async () =>
      expect(await condition("NamespaceFinalizersRemaining")).toBe(
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      ),
    );
    const value = { metadata: { finalizers: null } };
    await host.client.patch(CONFIG_MAPS, held.metadata, { type: "merge", value }, host.signal);
    await host.until(isGone);
  });
});
