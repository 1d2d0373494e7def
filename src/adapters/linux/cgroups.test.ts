import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { hostCgroupsConformance } from "../../ports/host-cgroups.conformance.ts";
import { createLinuxCgroups, describeHierarchy } from "./cgroups.ts";
import { parseMountInfo } from "./mountinfo.ts";

const V1 = `25 1 0:20 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
26 1 0:21 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
27 1 0:22 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
28 1 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

describe("describeHierarchy()", () => {
  it("takes a hybrid host as version 1", () => {
    const found = describeHierarchy(parseMountInfo(V1) ?? [], []);
    expect(found?.layout).toEqual({ version: 1, controllers: ["cpu", "cpuacct", "memory"] });
    expect(found?.trees).toEqual(["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"]);
  });

  it("takes a unified host as version 2, with the controllers it offers", () => {
    const mounts = parseMountInfo("30 1 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n") ?? [];
    expect(describeHierarchy(mounts, ["cpu", "rdma", "pids"])?.layout).toEqual({
      version: 2,
      controllers: ["cpu", "pids"],
    });
    expect(describeHierarchy([], [])).toBeUndefined();
  });
});

const usable = process.getuid?.() === 0;

describe.skipIf(!usable)("createLinuxCgroups() on this host (needs root)", () => {
  it("kills what is in a group and below", async () => {
    const { version, controllers } = await cgroups.layout();
    await cgroups.create(`${parent}/a/b`);
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    const ended = new Promise<string | null>((resolve) => child.once("exit", (_, killedBy) => resolve(killedBy)));
    await cgroups.write(
      version === 1 ? "memory" : (controllers[0] ?? ""),
      `${parent}/a/b`,
      "cgroup.procs",
      String(child.pid),
    );
    expect(await cgroups.remove(parent)).toBe(false);
    expect(await cgroups.killProcesses(parent)).toBe(1);
    expect(await ended).toBe("SIGKILL");
    await expect.poll(() => cgroups.remove(parent)).toBe(true);
  });

  const cgroups = createLinuxCgroups();
  const parent = `/orlop-test-${randomBytes(4).toString("hex")}`;

  afterEach(async () => {
    await cgroups.remove(parent);
  });
});

if (usable) {
  const parent = `/orlop-test-${randomBytes(4).toString("hex")}`;
  hostCgroupsConformance("this host", () => ({ cgroups: createLinuxCgroups(), parent }));
}
