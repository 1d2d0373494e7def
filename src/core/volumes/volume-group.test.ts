import { describe, expect, it } from "vitest";
import { extraGroups, volumeGroupOf } from "./volume-group.ts";

const volume = (gid?: string) => ({
  metadata: { name: "v", ...(gid !== undefined && { annotations: { "pv.beta.kubernetes.io/gid": gid } }) },
});

describe("volumeGroupOf()", () => {
  it.each([
    ["777", 777],
    ["0", 0],
    ["a", undefined],
    ["-1", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("of the annotation %j is %j", (gid, group) => expect(volumeGroupOf(volume(gid))).toBe(group));
});

describe("extraGroups()", () => {
  it("names each group once, and none the pod has anyway", () => {
    const pod = { spec: { containers: [], securityContext: { supplementalGroups: [555] } } };
    expect(extraGroups(pod, [777, 555, 5, 777])).toEqual([5, 777]);
    expect(extraGroups({}, [])).toEqual([]);
  });
});
