import { describe, expect, it } from "vitest";
import { conflictsBetween, propertyValue, type ChangePolicy } from "./conflict-rule.ts";
import { parseLabel } from "./label.ts";

const labelling = (label: string, policy: ChangePolicy = "MountOption") => ({
  policy,
  label: parseLabel(label) ?? { user: "", role: "", type: "", level: "" },
});

describe("conflictsBetween()", () => {
  it.each([
    [":::s0:c1,c2", ":::s0:c2,c1", []],
    [":::s0:c1", ":::s0:c2", ["SELinuxLabel"]],
    ["system_u:system_r:container_t:s0:c1", ":::s0:c1", []],
    ["a_u:::s0:c1", "b_u:::s0:c1", ["SELinuxLabel"]],
    ["::t1:s0:c1", "::t2:s0:c1", ["SELinuxLabel"]],
    ["", "", []],
    ["", ":::s0:c1", ["SELinuxChangePolicy", "SELinuxLabel"]],
    ["::spc_t:", ":::s0:c1", ["SELinuxChangePolicy", "SELinuxLabel"]],
  ])("%s against %s: %j, in both directions", (left, right, conflicts) => {
    expect(conflictsBetween(labelling(left), labelling(right))).toEqual(conflicts);
    expect(conflictsBetween(labelling(right), labelling(left))).toEqual(conflicts);
  });

  it("compares no label of a pod that opted out", () => {
    const optedOut = labelling(":::s0:c1", "Recursive");
    expect(conflictsBetween(optedOut, labelling(":::s0:c2", "Recursive"))).toEqual([]);
    expect(conflictsBetween(optedOut, labelling(":::s0:c1"))).toEqual(["SELinuxChangePolicy", "SELinuxLabel"]);
    expect(propertyValue("SELinuxLabel", optedOut)).toBe("");
    expect(propertyValue("SELinuxChangePolicy", labelling(""))).toBe("Recursive");
  });
});
