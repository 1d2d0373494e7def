import { describe, expect, it } from "vitest";
import { mappabilityOf } from "./mappable-filesystems.ts";

const kernel =
  (major: number, minor: number) =>
  ([wantedMajor, wantedMinor]: readonly [number, number]): boolean =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);

describe("mappabilityOf()", () => {
  it.each(["ext4", "xfs", "btrfs", "tmpfs", "hugetlbfs"])("%s can be mapped", (filesystem) => {
    expect(mappabilityOf(filesystem, kernel(6, 12))).toEqual({ mappable: "yes" });
  });

  it.each(["nfs", "nfs4", "proc", "sysfs", "cgroup2", "devtmpfs", "devpts", "mqueue", "ramfs", "overlay"])(
    "%s can not",
    (filesystem) => {
      expect(mappabilityOf(filesystem, kernel(6, 18))).toEqual({
        mappable: "no",
        reason: `${filesystem} can not be ID-mapped`,
      });
    },
  );

  it("depends on the kernel", () => {
    expect(mappabilityOf("tmpfs", kernel(6, 2))).toEqual({
      mappable: "no",
      reason: "tmpfs can not be ID-mapped before Linux 6.3",
    });
    expect(mappabilityOf("fuse.sshfs", kernel(6, 11))).toMatchObject({ mappable: "no" });
  });

  it.each(["zfs", "fuse.sshfs", "fuseblk", "virtiofs", "gpfs"])("%s is tried", (filesystem) => {
    expect(mappabilityOf(filesystem, kernel(6, 12))).toEqual({ mappable: "unknown" });
  });
});
