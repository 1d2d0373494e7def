import { describe, expect, it } from "vitest";
import { conflict } from "../../api/status-error.ts";
import type { PodEvent } from "../pods/pod-events.ts";
import type { NodeVolumeSpec } from "../volumes/node-volume-plugin.ts";
import { quietLog } from "../../testing/quiet.ts";
import { createVolumeCare } from "./volume-care.ts";

const signal = new AbortController().signal;

/** Two pods of one node use a volume that has grown to 2Gi; both were looked at before the claim said so. */
function start() {
  const calls: string[] = [];
  const events: PodEvent[] = [];
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let writes = 0;
  const unexpected = async (): Promise<never> => {
    throw new Error("not in this test");
  };
  const care = createVolumeCare(
    {
      client: {
        async patch() {
          writes += 1;
          if (writes > 1) throw conflict({ group: "", resource: "persistentvolumeclaims" }, "data", "it has changed");
          return {} as never;
        },
      },
      drivers: {
        node: () => ({
          capabilities: async () => new Set(["EXPAND_VOLUME"] as const),
          async expand({ volumeId }) {
            calls.push(volumeId);
            await answered;
          },
          stage: unexpected,
          unstage: unexpected,
          publish: unexpected,
          unpublish: unexpected,
          statistics: unexpected,
        }),
      },
      objects: { driver: async () => undefined, secret: unexpected } as never,
      volumes: { remount: unexpected },
      digest: (text) => text,
      log: quietLog(),
      tell: (_pod, event) => events.push(event),
    },
    { root: "/var/lib/kubelet" },
  );
  const specFor = (pod: string): NodeVolumeSpec => ({
    id: "kubernetes.io/csi/fake.csi^h",
    pluginName: "kubernetes.io/csi/fake.csi",
    specName: "data",
    pod: { metadata: { namespace: "default", name: pod, uid: pod } },
    volume: { name: "data" },
    persistentVolume: {
      metadata: { name: "data" },
      spec: {
        capacity: { storage: "2Gi" },
        accessModes: ["ReadWriteOnce"],
        csi: { driver: "fake.csi", volumeHandle: "h" },
      },
    },
    claim: {
      metadata: { namespace: "default", name: "data", resourceVersion: "1" },
      status: { capacity: { storage: "1Gi" } },
    },
    readOnly: false,
  });
  return { care, specFor, calls, events, answer };
}

describe("a volume that has grown", () => {
  it("grows once for all pods that use it at the same time", async () => {
    const { care, specFor, calls, events, answer } = start();
    const both = [care(specFor("a"), signal), care(specFor("b"), signal)];
    answer();
    await Promise.all(both);
    expect(calls).toEqual(["h"]);
    expect(events.map(({ reason }) => reason)).toEqual(["FileSystemResizeSuccessful"]);
  });

  it("failed for nobody when the claim had been written meanwhile: the next look decides", async () => {
    const { care, specFor, calls, events, answer } = start();
    answer();
    await care(specFor("a"), signal);
    await care(specFor("b"), signal);
    expect(calls).toEqual(["h", "h"]);
    expect(events.map(({ reason }) => reason)).toEqual(["FileSystemResizeSuccessful"]);
  });
});
