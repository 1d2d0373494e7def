import { afterAll, describe, expect, it } from "vitest";
import type { HostCgroups } from "./host-cgroups.ts";

export interface CgroupSubject {
  readonly cgroups: HostCgroups;
  /** A group of its own for the suite; not there yet. */
  readonly parent: string;
}

/** What every implementation of HostCgroups must do. */
export function hostCgroupsConformance(name: string, create: () => CgroupSubject): void {
  describe(`HostCgroups conformance: ${name}`, () => {
    const { cgroups, parent } = create();
    /** A file every kernel lets a child group set. */
    const memoryLimit = async (): Promise<string> =>
      (await cgroups.layout()).version === 1 ? "memory.limit_in_bytes" : "memory.max";

    afterAll(async () => {
      await cgroups.remove(parent);
    });

    it("creates a group with its parents, again without harm", async () => {
      await cgroups.create(`${parent}/a/b`);
      await cgroups.create(`${parent}/a/b`);
      expect(await cgroups.exists(`${parent}/a/b`)).toBe(true);
      expect(await cgroups.exists(`${parent}/a/c`)).toBe(false);
      expect(await cgroups.children(parent)).toEqual(["a"]);
      expect(await cgroups.children(`${parent}/none`)).toEqual([]);
    });

    it("reads back what was written", async () => {
      await cgroups.create(`${parent}/limits`);
      const file = await memoryLimit();
      await cgroups.write("memory", `${parent}/limits`, file, "67108864");
      expect(await cgroups.read("memory", `${parent}/limits`, file)).toBe("67108864");
      expect(await cgroups.read("memory", `${parent}/none`, file)).toBeUndefined();
    });

    it("says Unsupported for a file or controller that is not there", async () => {
      await cgroups.create(`${parent}/limits`);
      const write = (controller: string, file: string) => cgroups.write(controller, `${parent}/limits`, file, "1");
      await expect(write("memory", "memory.nonsense")).rejects.toMatchObject({ code: "Unsupported" });
      await expect(write("nonsense", "cpu.shares")).rejects.toMatchObject({ code: "Unsupported" });
      expect(await cgroups.read("nonsense", `${parent}/limits`, "x")).toBeUndefined();
    });

    it("removes a group with those in it, also when it is gone already", async () => {
      await cgroups.create(`${parent}/a/b`);
      expect(await cgroups.remove(`${parent}/a`)).toBe(true);
      expect(await cgroups.remove(`${parent}/a`)).toBe(true);
      expect(await cgroups.exists(`${parent}/a`)).toBe(false);
    });

    it("has nothing to kill in an empty group", async () => {
      await cgroups.create(`${parent}/empty`);
      expect(await cgroups.killProcesses(`${parent}/empty`)).toBe(0);
    });
  });
}
