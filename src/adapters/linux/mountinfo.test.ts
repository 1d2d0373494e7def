import { describe, expect, it } from "vitest";
import { parseMountInfo } from "./mountinfo.ts";

describe("parseMountInfo()", () => {
  it("reads escapes, optional fields and super options", () => {
    const text =
      "36 35 98:0 /mnt1 /mnt/with\\040space rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n" +
      "40 36 0:5 / /x ro - tmpfs tmp\\134fs rw,size=1024k\n";
    expect(parseMountInfo(text)).toEqual([
      {
        id: 36,
        parentId: 35,
        device: "98:0",
        root: "/mnt1",
        target: "/mnt/with space",
        options: ["rw", "noatime"],
        shared: true,
        filesystem: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
      expect.objectContaining({ target: "/x", shared: false, source: "tmp\\fs" }),
    ]);
  });

  it("gives nothing when one line can not be read", () => {
    expect(parseMountInfo("36 35 98:0 /a /b rw - ext4 dev rw\n36 35 98:0 /a\n")).toBeUndefined();
  });
});
