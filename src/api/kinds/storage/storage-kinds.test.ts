import { describe, expect, it } from "vitest";
import { createProblems, created, statusProblems, updateProblems, warningsOf } from "../kinds-for-tests.ts";
import { csiDriverKind } from "./csi-drivers.ts";
import { csiNodeKind } from "./csi-nodes.ts";
import { csiStorageCapacityKind } from "./csi-storage-capacities.ts";
import { storageClassKind } from "./storage-classes.ts";
import { volumeAttachmentKind } from "./volume-attachments.ts";
import { volumeAttributesClassKind } from "./volume-attributes-classes.ts";

describe("CSI drivers", () => {
  it("are attached, and mount without labels unless they say otherwise", () => {
    expect(created(csiDriverKind, {})["spec"]).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: "ReadWriteOnceWithFSType",
      requiresRepublish: false,
      seLinuxMount: false,
      volumeLifecycleModes: ["Persistent"],
    });
  });

  it("do without seLinuxMount where that is not known", () => {
    const gates = { SELinuxMountReadWriteOncePod: false };
    expect(created(csiDriverKind, { spec: { seLinuxMount: true } }, gates)["spec"]).not.toHaveProperty("seLinuxMount");
    expect(createProblems(csiDriverKind, { spec: {} }, gates)).toEqual([]);
  });

  it.each([
    [
      { fsGroupPolicy: "All" },
      ['spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType"'],
    ],
    [
      { tokenRequests: [{ audience: "a" }, { audience: "a" }] },
      ['spec.tokenRequests[1].audience: Duplicate value: "a"'],
    ],
    [
      { tokenRequests: [{ audience: "", expirationSeconds: 5 }] },
      ["spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"],
    ],
    [
      { volumeLifecycleModes: ["Some"] },
      ['spec.volumeLifecycleModes: Unsupported value: "Some": supported values: "Persistent", "Ephemeral"'],
    ],
    [
      { nodeAllocatableUpdatePeriodSeconds: 1 },
      ["spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 1: must be greater than or equal to 10 seconds"],
    ],
  ])("check %j", (spec, problems) => {
    expect(createProblems(csiDriverKind, { spec })).toEqual(problems);
  });

  it("keep how they attach and what volumes they make", () => {
    expect(
      updateProblems(
        csiDriverKind,
        { spec: {} },
        { spec: { attachRequired: false, volumeLifecycleModes: ["Ephemeral"], seLinuxMount: true } },
      ),
    ).toEqual([
      "spec.attachedRequired: Invalid value: false: field is immutable",
      'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
    ]);
  });

  it("warn about tokens that may end up in logs, when those are new", () => {
    const driver = { spec: { tokenRequests: [{ audience: "a" }] } };
    expect(warningsOf(csiDriverKind, driver)).toHaveLength(1);
    expect(warningsOf(csiDriverKind, driver, driver)).toEqual([]);
  });
});

describe("CSI nodes", () => {
  it("know each driver once, and its entry does not change but for its limits", () => {
    const driver = { name: "x", nodeID: "n", topologyKeys: ["a"] };
    expect(createProblems(csiNodeKind, { spec: { drivers: [driver, driver] } })).toEqual([
      'spec.drivers[1].name: Duplicate value: "x"',
    ]);
    const limited = { ...driver, allocatable: { count: 3 } };
    expect(updateProblems(csiNodeKind, { spec: { drivers: [driver] } }, { spec: { drivers: [limited] } })).toEqual([]);
    const [before, after] = [{ spec: { drivers: [driver] } }, { spec: { drivers: [limited] } }];
    expect(updateProblems(csiNodeKind, before, after, { MutableCSINodeAllocatableCount: false })).toHaveLength(1);
    const moved = { ...driver, nodeID: "m" };
    expect(updateProblems(csiNodeKind, { spec: { drivers: [driver] } }, { spec: { drivers: [moved] } })).toEqual([
      'spec.drivers: Invalid value: {"name":"x","nodeID":"m","topologyKeys":["a"]}: field is immutable',
    ]);
  });
});

describe("storage classes", () => {
  it("name a provisioner and keep what they say", () => {
    expect(createProblems(storageClassKind, {})).toEqual(["provisioner: Required value"]);
    expect(
      updateProblems(storageClassKind, { provisioner: "x" }, { provisioner: "x", reclaimPolicy: "Retain" }),
    ).toEqual(['reclaimPolicy: Invalid value: "Retain": field is immutable']);
  });
});

describe("the topologies of a storage class", () => {
  const zones = (...values: readonly string[]) => ({ key: "zone", values });
  const problems = (...terms: readonly object[]): readonly string[] =>
    createProblems(storageClassKind, { provisioner: "x", allowedTopologies: terms });

  it("differ in more than their order", () => {
    const host = { key: "host", values: ["n"] };
    expect(problems({ matchLabelExpressions: [zones("a")] }, { matchLabelExpressions: [zones("b")] })).toEqual([]);
    for (const [one, other] of [
      [[zones("a", "b")], [zones("b", "a")]],
      [
        [host, zones("a")],
        [zones("a"), host],
      ],
    ]) {
      expect(problems({ matchLabelExpressions: one }, { matchLabelExpressions: other })).toEqual([
        'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
      ]);
    }
  });

  it("demand something", () => {
    expect(problems({})).toEqual(['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""']);
  });
});

describe("volume attributes classes", () => {
  it("name a driver and at least one parameter, for good", () => {
    expect(createProblems(volumeAttributesClassKind, {})).toEqual([
      "driverName: Required value",
      "parameters: Required value: must contain at least one key/value pair",
    ]);
    const before = { driverName: "x", parameters: { iops: "1" } };
    expect(
      updateProblems(volumeAttributesClassKind, before, { driverName: "y", parameters: { iops: "2", "": "" } }),
    ).toEqual([
      "driverName: Forbidden: updates to driverName are forbidden.",
      "parameters: Forbidden: updates to parameters are forbidden.",
      'parameters: Invalid value: "": field can not be empty.',
    ]);
  });
});

describe("volume attachments", () => {
  it("say that they are not attached until their attacher has answered", () => {
    const spec = { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } };
    expect(created(volumeAttachmentKind, { spec, status: { attached: true } })["status"]).toEqual({ attached: false });
  });

  const source = { persistentVolumeName: "pv" };

  it("have one source", () => {
    expect(createProblems(volumeAttachmentKind, { spec: { attacher: "x", nodeName: "n", source } })).toEqual([]);
    expect(createProblems(volumeAttachmentKind, { spec: { attacher: "x", nodeName: "n", source: {} } })).toEqual([
      "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    ]);
  });

  it("report errors in few words", () => {
    const spec = { attacher: "x", nodeName: "n", source };
    const status = { attached: false, attachError: { message: "x".repeat(1025), errorCode: -1 } };
    expect(statusProblems(volumeAttachmentKind, { spec }, status)).toHaveLength(2);
  });
});

describe("CSI storage capacities", () => {
  it("are for one class and topology, and not negative", () => {
    const capacity = { storageClassName: "fast", capacity: "1Gi" };
    expect(createProblems(csiStorageCapacityKind, { ...capacity, capacity: "-1" })).toEqual([
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
    ]);
    expect(updateProblems(csiStorageCapacityKind, capacity, { ...capacity, storageClassName: "slow" })).toEqual([
      'storageClassName: Invalid value: "slow": field is immutable',
    ]);
  });
});
