import { describe, expect, it } from "vitest";
import { mountPointsBelow } from "./mount-table.ts";

describe("mountPointsBelow()", () => {
  const line = (point: string): string => `43 27 0:4 / ${point} rw - tmpfs shm rw`;

  it("gives later mounts first, so that nothing is unmounted under another mount", () => {
    const table = ["/", "/run/orlop/1/a", "/run/orlop/1/a/b", "/run/orlop/12", "/run/orlop/1/a"].map(line).join("\n");
    expect(mountPointsBelow(table, ["/run/orlop/1"])).toEqual(["/run/orlop/1/a", "/run/orlop/1/a/b", "/run/orlop/1/a"]);
  });

  it("understands the kernel's way to write spaces, and takes the folder itself", () => {
    expect(mountPointsBelow(line("/data\\040dir"), ["/data dir"])).toEqual(["/data dir"]);
  });
});
