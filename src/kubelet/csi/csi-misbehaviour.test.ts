import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FakeCall, FakeCsiDriver, Misbehaviour } from "../../testing/fake-csi-driver.ts";
import { claimed, startVolumeNode, type VolumeNode } from "../../testing/volume-node.ts";

let node: VolumeNode;
let driver: FakeCsiDriver;
beforeEach(async () => {
  node = await startVolumeNode({ callTimeout: 1_000 });
  driver = await node.addDriver({});
  await node.addVolume("data");
});
afterEach(async () => {
  await node.stop();
});

const settled = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (reason: unknown) => String(reason),
  );
/** As a pod's worker does: again until it works. */
const again = (what: string, work: () => Promise<unknown>): Promise<void> =>
  node.until(what, async () => (await settled(work())) === "done");
const nothingLeft = async (): Promise<void> => {
  await node.until("nothing is mounted", () => node.mounts.table.length === 0);
  await node.until("nothing is wanted", () => node.storage().volumes.attached().length === 0);
};

const failing: readonly (readonly [string, Misbehaviour])[] = [
  ["fails for good", { fail: status.INTERNAL, text: "broken" }],
  ["may still be at it", { fail: status.ABORTED, text: "pending" }],
  ["hangs", "hang"],
  ["works but answers that it is pending", "late"],
  ["is away", { fail: status.UNAVAILABLE, text: "restarting" }],
];
const mountCalls: readonly FakeCall[] = ["NodeGetCapabilities", "NodeStageVolume", "NodePublishVolume"];
const unmountCalls: readonly FakeCall[] = ["NodeUnpublishVolume", "NodeUnstageVolume"];

describe.each(failing)("a driver that %s", (_how, how) => {
  it.each(mountCalls)("at %s once, has its volume mounted by the next try, and taken down wholly", async (call) => {
    driver.misbehave(call, how);
    const pod = node.pod("a", [claimed("data")]);
    expect(await settled(node.prepare(pod))).toContain('volume "data"');
    await again("it is mounted", () => node.prepare(pod));
    await node.release(pod);
    await nothingLeft();
  });

  it.each(mountCalls)("at %s always, leaves a pod that can be ended", async (call) => {
    driver.misbehave(call, how, "always");
    const pod = node.pod("a", [claimed("data")]);
    await settled(node.prepare(pod));
    driver.misbehave(call, undefined);
    await again("it is released", () => node.release(pod));
    await nothingLeft();
  });

  it.each(unmountCalls)("at %s twice, has its volume taken down in the end, after a restart too", async (call) => {
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    driver.misbehave(call, how, 2);
    await settled(node.release(pod));
    await node.restart();
    await again("it is released", () => node.release(pod));
    await nothingLeft();
  });
});

describe("a driver that hangs", () => {
  it("holds up neither other volumes of the pod nor other pods, and is given up when the pod is", async () => {
    await node.addDriver({}, { name: "good.csi" });
    await node.addVolume("other", { driver: "good.csi" });
    driver.misbehave("NodeStageVolume", "hang", "always");
    const stuck = node.pod("a", [claimed("data"), claimed("other")]);
    const stop = new AbortController();
    const waiting = settled(node.volumes().prepare(stuck, stop.signal));
    await node.until("it hangs", () => driver.names("NodeStageVolume").length > 0);
    await node.until("the other volume of the pod is mounted", () =>
      node.mounts.table.some(({ target }) => target.includes("uid-a")),
    );
    await node.prepare(node.pod("b", [claimed("other")]));
    stop.abort(new Error("the pod is deleted"));
    expect(await waiting).toContain("the pod is deleted");
  });

  it("is asked again after longer and longer pauses only, however often the pod is tried", async () => {
    driver.misbehave("NodeStageVolume", { fail: status.INTERNAL, text: "broken" }, "always");
    const pod = node.pod("a", [claimed("data")]);
    const texts: string[] = [];
    for (let turn = 0; turn < 50; turn += 1) texts.push(await settled(node.prepare(pod)));
    expect(driver.names("NodeStageVolume").length).toBeLessThan(15);
    expect(new Set(texts).size).toBe(1);
  });
});

describe("a driver that lies", () => {
  it("about unpublishing, is blamed; nothing is unstaged and nothing deleted below its mount", async () => {
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    driver.misbehave("NodeUnpublishVolume", "lie");
    expect(await settled(node.release(pod))).toContain(
      "CSI driver fake.csi answered NodeUnpublishVolume with success, but",
    );
    expect(driver.names("NodeUnstageVolume")).toEqual([]);
    expect(node.mounts.table).toHaveLength(2);
    await again("it is released", () => node.release(pod));
    await nothingLeft();
  });

  it("about unstaging, is asked again", async () => {
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    driver.misbehave("NodeUnstageVolume", "lie");
    await node.release(pod);
    await nothingLeft();
    expect(driver.names("NodeUnstageVolume")).toHaveLength(2);
  });

  it("that was away when the pod ended, takes its volume down when it is back", async () => {
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    driver.registrations.length = 0;
    await driver.stop();
    await node.until("it is gone", async () => (await settled(node.release(pod))).includes("not found in the list"));
    expect(node.mounts.table).toHaveLength(2);
    await driver.start();
    await again("it is released", () => node.release(pod));
    await nothingLeft();
  });
});

describe("a full node", () => {
  it("of 110 pods and 1,000 volumes comes up, survives a restart and goes down", async () => {
    const mine = Array.from({ length: 110 }, (_, pod) => ({
      pod,
      volumes: Array.from({ length: pod < 10 ? 10 : 9 }, (__, volume) => `scratch-${volume}`),
    }));
    await node.addDriver({ volumeLifecycleModes: ["Ephemeral"] }, { name: "many.csi" });
    const pods = mine.map(({ pod, volumes }) =>
      node.pod(
        `p${pod}`,
        volumes.map((name) => ({ name, csi: { driver: "many.csi" } })),
      ),
    );
    await Promise.all(pods.map((pod) => again("it is mounted", () => node.prepare(pod))));
    expect(node.mounts.table).toHaveLength(1_000);
    await node.restart();
    await Promise.all(pods.map((pod) => again("it is mounted", () => node.prepare(pod))));
    expect(node.mounts.table).toHaveLength(1_000);
    await Promise.all(pods.map((pod) => again("it is released", () => node.release(pod))));
    await nothingLeft();
  }, 120_000);
});
