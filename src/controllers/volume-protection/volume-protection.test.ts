import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasReason } from "../../machinery/answer-error.ts";
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  VOLUME_ATTRIBUTES_CLASSES,
} from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createAttributesClassProtectionController } from "./attributes-class-protection.ts";
import { createClaimProtectionController } from "./claim-protection.ts";
import { createVolumeProtectionController } from "./volume-protection.ts";

describe("volumes and claims that are deleted", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createClaimProtectionController(deps),
      createVolumeProtectionController(deps),
      createAttributesClassProtectionController(deps),
    ]);
  });
  afterEach(() => host.stop());

  it("claims go when the last pod on a node that uses them is gone", async () => {
    const claim = { namespace: "default", name: "data" };
    const resources = { requests: { storage: "1Gi" } };
    await host.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      { metadata: claim, spec: { accessModes: ["ReadWriteOnce"], resources } },
      host.signal,
    );
    const pod = { namespace: "default", name: "p" };
    await host.client.create(
      PODS,
      {
        metadata: pod,
        spec: {
          nodeName: "n1",
          containers: [{ name: "c", image: "i" }],
          volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
        },
      },
      host.signal,
    );
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, claim, host.signal);
    await host.clock.advance(5_000);
    const kept = await host.client.get(PERSISTENT_VOLUME_CLAIMS, claim, host.signal);
    expect(kept.metadata?.deletionTimestamp).toBeDefined();
    await host.client.delete(PODS, pod, host.signal, { gracePeriodSeconds: 0 });
    await host.until(async () => {
      const failure = await host.client.get(PERSISTENT_VOLUME_CLAIMS, claim, host.signal).catch((reason) => reason);
      return hasReason(failure, "NotFound");
    });
  });

  it("attributes classes go when no claim has them or is to get them", async () => {
    const quick = { metadata: { name: "quick" }, driverName: "example.com", parameters: { iops: "9" } };
    await host.client.create(VOLUME_ATTRIBUTES_CLASSES, quick, host.signal);
    const claim = { namespace: "default", name: "data" };
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const withClass = { ...spec, volumeAttributesClassName: "quick" };
    await host.client.create(PERSISTENT_VOLUME_CLAIMS, { metadata: claim, spec: withClass }, host.signal);
    const { name } = quick.metadata;
    await host.client.delete(VOLUME_ATTRIBUTES_CLASSES, { name }, host.signal);
    await host.clock.advance(5_000);
    const kept = await host.client.get(VOLUME_ATTRIBUTES_CLASSES, { name }, host.signal);
    expect(kept.metadata).toMatchObject({ finalizers: ["kubernetes.io/vac-protection"] });
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, claim, host.signal);
    await host.until(async () => {
      const failure = await host.client.get(VOLUME_ATTRIBUTES_CLASSES, { name }, host.signal).catch((reason) => reason);
      return hasReason(failure, "NotFound");
    });
  });

  it("volumes go when they are not bound", async () => {
    const made = await host.client.create(
      PERSISTENT_VOLUMES,
      {
        metadata: { name: "v" },
        spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } },
      },
      host.signal,
    );
    await host.client.updateStatus(PERSISTENT_VOLUMES, { ...made, status: { phase: "Bound" } }, host.signal);
    await host.client.delete(PERSISTENT_VOLUMES, { name: "v" }, host.signal);
    await host.clock.advance(5_000);
    await host.client.patch(
      PERSISTENT_VOLUMES,
      { name: "v" },
      { type: "merge", value: { status: { phase: "Released" } } },
      host.signal,
      { subresource: "status" },
    );
    await host.until(async () => {
      const failure = await host.client.get(PERSISTENT_VOLUMES, { name: "v" }, host.signal).catch((reason) => reason);
      return hasReason(failure, "NotFound");
    });
  });
});
