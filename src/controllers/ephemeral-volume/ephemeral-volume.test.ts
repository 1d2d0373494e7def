import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createClaimProtectionController } from "../volume-protection/claim-protection.ts";
import { createEphemeralVolumeController } from "./ephemeral-volume.ts";

describe("createEphemeralVolumeController()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createEphemeralVolumeController(deps),
      createClaimProtectionController(deps),
    ]);
  });
  afterEach(() => host.stop());

  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const addPod = (finalizers: readonly string[] = []): Promise<Pod> => {
    const metadata = { labels: { tier: "scratch" }, annotations: { note: "mine" } };
    const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate: { metadata, spec } } }];
    return host.client.create(
      PODS,
      {
        metadata: { namespace: "default", name: "p", finalizers },
        spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }], volumes },
      },
      host.signal,
    );
  };
  const CLAIM = { namespace: "default", name: "p-scratch" };
  const claim = () => host.client.get(PERSISTENT_VOLUME_CLAIMS, CLAIM, host.signal);

  it("makes a claim that belongs to the pod, again when somebody deletes it", async () => {
    const pod = await addPod();
    await host.until(claim);
    const made = await claim();
    expect(made.metadata).toMatchObject({ labels: { tier: "scratch" }, annotations: { note: "mine" } });
    expect(made.metadata?.ownerReferences).toEqual([
      { apiVersion: "v1", kind: "Pod", name: "p", uid: pod.metadata?.uid, controller: true, blockOwnerDeletion: true },
    ]);
    expect(made.spec).toMatchObject(spec);
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, CLAIM, host.signal);
    const none = { metadata: { finalizers: null } };
    await host.client.patch(PERSISTENT_VOLUME_CLAIMS, CLAIM, { type: "merge", value: none }, host.signal);
    await host.until(async () => expect((await claim()).metadata?.uid).not.toBe(made.metadata?.uid));
  });

  it("takes nobody else's claim, and says so", async () => {
    await host.client.create(PERSISTENT_VOLUME_CLAIMS, { metadata: CLAIM, spec }, host.signal);
    await addPod();
    await host.until(async () => {
      const { items } = await host.client.list(EVENTS, { namespace: "default" }, host.signal);
      expect(items.map(({ reason, message }) => [reason, message])).toContainEqual([
        "FailedBinding",
        "ephemeral volume scratch: PVC default/p-scratch was not created for pod default/p (pod is not owner)",
      ]);
    });
    expect((await claim()).metadata?.ownerReferences).toBeUndefined();
  });

  it("lets the claim go before a pod that only waits for it", async () => {
    await addPod(["example.com/wait"]);
    await host.until(claim);
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, CLAIM, host.signal);
    await host.clock.advance(5_000);
    expect((await claim()).metadata?.deletionTimestamp).toBeDefined();
    const gone = { gracePeriodSeconds: 0 };
    await host.client.delete(PODS, { namespace: "default", name: "p" }, host.signal, gone);
    await host.until(async () => hasReason(await claim().catch((reason: unknown) => reason), "NotFound"));
  });
});
