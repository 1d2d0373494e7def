import { describe, expect, it } from "vitest";
import { createMemoryCgroups, type MemoryCgroupsOptions } from "../../adapters/memory/cgroups.ts";
import type { Pod } from "../../api/types.ts";
import type { Log } from "../../ports/log.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { cgroupWrites, podCgroupLimits, weightOfShares } from "./cgroup-limits.ts";
import { nodeCgroup, podCgroup } from "./cgroup-names.ts";
import { createPodCgroups } from "./pod-cgroups.ts";

const OPTIONS = { cpuQuota: true, cpuPeriod: 100_000, pids: -1 };
type Resources = { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> };
const podOf = (...resources: readonly Resources[]): Pod => ({
  metadata: { uid: "u1" },
  spec: { containers: resources.map((each, index) => ({ name: `c${index}`, image: "i", resources: each })) },
});

describe("podCgroupLimits()", () => {
  it("follows the class of the pod", () => {
    expect(podCgroupLimits(podOf({}), OPTIONS)).toEqual({ cpuShares: 2 });
    expect(podCgroupLimits(podOf({ limits: { cpu: "500m", memory: "64Mi" } }), OPTIONS)).toMatchObject({
      cpuQuota: { quota: 50_000, period: 100_000 },
      memoryBytes: 64 * 2 ** 20,
    });
    const partly = podCgroupLimits(podOf({ limits: { memory: "64Mi" }, requests: { cpu: "250m" } }, {}), OPTIONS);
    expect(partly).toEqual({ cpuShares: 256 });
  });

  it("writes the files of either version", () => {
    const limits = {
      cpuShares: 1_024,
      cpuQuota: { quota: -1, period: 100_000 },
      memoryBytes: 5,
      pids: 9,
      hugepages: new Map([[2 ** 21, 7]]),
    };
    expect(cgroupWrites(limits, 1).map(({ file, value }) => `${file}=${value}`)).toEqual([
      "cpu.shares=1024",
      "cpu.cfs_period_us=100000",
      "cpu.cfs_quota_us=-1",
      "memory.limit_in_bytes=5",
      "pids.max=9",
      "hugetlb.2MB.limit_in_bytes=7",
    ]);
    expect(cgroupWrites(limits, 2).map(({ file, value }) => `${file}=${value}`)).toEqual([
      "cpu.weight=39",
      "cpu.max=max 100000",
      "memory.max=5",
      "pids.max=9",
      "hugetlb.2MB.max=7",
    ]);
    expect([weightOfShares(2), weightOfShares(262_144)]).toEqual([1, 10_000]);
  });
});

describe("cgroup names", () => {
  it("follow upstream's tree for both drivers", () => {
    expect(nodeCgroup("", "cgroupfs")).toBe("/kubepods");
    expect(podCgroup("", "Burstable", "a-b", "cgroupfs")).toBe("/kubepods/burstable/poda-b");
    expect(podCgroup("/x", "Guaranteed", "a-b", "cgroupfs")).toBe("/x/kubepods/poda-b");
    expect(podCgroup("", "BestEffort", "a-b", "systemd")).toBe(
      "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-poda_b.slice",
    );
  });
});

describe("createPodCgroups()", () => {
  function world(given: MemoryCgroupsOptions = {}) {
    const warnings: string[] = [];
    const log: Log = {
      debug: () => undefined,
      info: () => undefined,
      warn: (text) => warnings.push(text),
      error: () => undefined,
      with: () => log,
    };
    const clock = createFakeClock();
    const cgroups = createMemoryCgroups({ version: 1, controllers: ["cpu", "memory"], ...given });
    const options = { ...OPTIONS, pids: 100, cgroupsPerQos: true, cgroupRoot: "", driver: "cgroupfs" } as const;
    const pods = createPodCgroups({ cgroups, log, clock }, { ...options, nodeLimits: { memoryBytes: 1_000 } });
    return { cgroups, warnings, pods, clock };
  }
  const { signal } = new AbortController();

  it("makes the tree once, shares CPU between burstable pods, removes pods", async () => {
    const { cgroups, pods } = world();
    const one = podOf({ requests: { cpu: "500m" } });
    expect(await pods.ensure(one, signal)).toBe("/kubepods/burstable/podu1");
    await pods.ensure({ ...one, metadata: { uid: "u2" } }, signal);
    expect(await cgroups.read("memory", "/kubepods", "memory.limit_in_bytes")).toBe("1000");
    expect(await cgroups.read("cpu", "/kubepods/burstable", "cpu.shares")).toBe("1024");
    await pods.remove("u2", signal);
    await pods.remove("u2", signal);
    expect(await cgroups.read("cpu", "/kubepods/burstable", "cpu.shares")).toBe("512");
    expect(cgroups.paths()).toEqual([
      "/kubepods",
      "/kubepods/burstable",
      "/kubepods/besteffort",
      "/kubepods/burstable/podu1",
    ]);
  });

  it("goes on with one warning where a limit can not be set or a controller is missing", async () => {
    const { warnings, pods } = world({ refused: ["memory.limit_in_bytes"] });
    await pods.ensure(podOf({ limits: { memory: "1Mi" } }), signal);
    await pods.ensure(podOf({ limits: { memory: "1Mi" } }), signal);
    expect(warnings).toEqual([
      "cannot set memory.limit_in_bytes of pods, they run without it",
      "this host has no pids control group: pids.max of pods is not set",
    ]);
  });

  it("kills what a runtime left behind in a finished pod's group, and says when that does not help", async () => {
    const { pods, cgroups, clock, warnings } = world();
    const path = await pods.ensure(podOf({}), signal);
    cgroups.addProcess(`${path}/container`);
    const removed = pods.remove("u1", signal);
    await clock.advance(5_000);
    await removed;
    expect(await cgroups.exists(path)).toBe(false);
    expect(warnings).toContain("killed processes that were left in the control group of a finished pod");

    const other = world();
    other.cgroups.addProcess(await other.pods.ensure(podOf({}), signal), { unkillable: true });
    const refused = expect(other.pods.remove("u1", signal)).rejects.toThrow("processes are still in it");
    await other.clock.advance(5_000);
    await refused;
  });

  it("runs pods without groups where none can be made", async () => {
    const { warnings, pods } = world({ readOnly: true });
    expect(await pods.ensure(podOf({}), signal)).toBe("");
    expect(warnings).toHaveLength(1);
  });
});
