import { describe, expect, it } from "vitest";
import { testContext } from "../gates-for-tests.ts";
import { createProblems, created, row, statusProblems, updateProblems } from "../kinds-for-tests.ts";
import { persistentVolumeClaimKind } from "./persistent-volume-claims.ts";
import { persistentVolumeKind } from "./persistent-volumes.ts";

const volume = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } };
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

describe("persistent volumes", () => {
  it("are pending, retained file systems", () => {
    expect(created(persistentVolumeKind, { spec: volume })).toMatchObject({
      spec: { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
      status: { phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:00:00Z" },
    });
  });

  it.each([
    [{}, []],
    [{ accessModes: [] }, ["spec.accessModes: Required value"]],
    [
      { accessModes: ["Once"] },
      [
        'spec.accessModes: Unsupported value: "Once": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      ],
    ],
    [
      { accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] },
      ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
    ],
    [{ capacity: { storage: "0" } }, ['spec.capacity[storage]: Invalid value: "0": must be greater than zero']],
    [{ capacity: {} }, ["spec.capacity: Required value", expect.stringContaining("spec.capacity: Unsupported value")]],
    [{ hostPath: undefined }, ["spec: Required value: must specify a volume type"]],
    [{ hostPath: { path: "/a/../b" } }, ["spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"]],
    [
      { hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" },
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      { hostPath: undefined, csi: { driver: "x", volumeHandle: "h" }, gcePersistentDisk: { pdName: "d" } },
      ["spec.csi: Forbidden: may not specify more than 1 volume type"],
    ],
    [{ volumeMode: "" }, ['spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"']],
    [{ hostPath: { path: "", type: "Pipe" } }, ["spec.hostPath.path: Required value"]],
    [{ csi: { driver: "x", volumeHandle: "h" } }, ["spec.csi: Forbidden: may not specify more than 1 volume type"]],
    [
      { hostPath: undefined, csi: { driver: "x", nodePublishSecretRef: {} } },
      [
        "spec.csi.volumeHandle: Required value",
        "spec.csi.nodePublishSecretRef.name: Required value",
        "spec.csi.nodePublishSecretRef.namespace: Required value",
      ],
    ],
    [
      { hostPath: undefined, local: { path: "/x" } },
      ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ],
    [
      { hostPath: { path: "/x", type: "Pipe" } },
      [
        'spec.hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [
      { capacity: { storage: "-1" } },
      [
        "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
        'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
      ],
    ],
    [
      { hostPath: undefined, iscsi: { targetPortal: "10.0.0.1", iqn: "x", lun: 0, secretRef: {} } },
      ['spec.iscsi.iqn: Invalid value: "x": must be valid format', "spec.iscsi.secretRef.name: Required value"],
    ],
    [
      { hostPath: undefined, azureFile: { secretName: "a", shareName: "b", secretNamespace: "" } },
      ["spec.azureFile.secretNamespace: Required value"],
    ],
    [{ volumeMode: "Disk" }, ['spec.volumeMode: Unsupported value: "Disk": supported values: "Block", "Filesystem"']],
  ])("check %j", (change, problems) => {
    expect(createProblems(persistentVolumeKind, { spec: { ...volume, ...change } })).toEqual(problems);
  });

  it("keep their source, mode and node affinity", () => {
    const problems = updateProblems(
      persistentVolumeKind,
      { spec: volume },
      { spec: { ...volume, hostPath: { path: "/other" }, volumeMode: "Block" } },
    );
    expect(problems).toEqual([
      expect.stringContaining(
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
      ),
      'volumeMode: Invalid value: "Block": field is immutable',
    ]);
  });

  describe("with a node affinity", () => {
    const affine = (...keys: readonly string[]) => ({
      ...volume,
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: keys.map((key) => ({ key, operator: "In", values: ["a"] })) }],
        },
      },
    });
    const problems = (
      before: object,
      after: object,
      gates: Readonly<Record<string, boolean>> = {},
    ): readonly string[] => updateProblems(persistentVolumeKind, { spec: before }, { spec: after }, gates);
    const text = expect.stringContaining("field is immutable, except for updating from beta label to GA");

    it("keep it, but may name labels as they are called since they are no longer beta", () => {
      const [old, now] = ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"];
      expect(problems(affine(old, "x"), affine(now, "x"))).toEqual([]);
      expect(problems(affine(old, "beta.kubernetes.io/os"), affine(old, "kubernetes.io/os"))).toEqual([]);
      expect(problems(affine(now), affine(old))).toEqual([text]);
      expect(problems(affine(old), affine("kubernetes.io/os"))).toEqual([text]);
      expect(problems(affine(old, "x"), affine(now))).toEqual([text]);
      expect(problems(affine("x"), volume)).toEqual([text]);
      expect(problems(volume, affine("x"))).toEqual([]);
    });

    it("may get another while MutablePVNodeAffinity is on", () => {
      expect(problems(affine("x"), affine("y"), { MutablePVNodeAffinity: true })).toEqual([]);
    });
  });

  it.each(["/", "//", "/a/..", "/./a/../.."])("are not recycled where %s is all of the host", (path) => {
    const spec = { ...volume, hostPath: { path }, persistentVolumeReclaimPolicy: "Recycle" };
    expect(createProblems(persistentVolumeKind, { spec })).toContain(
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
    );
  });

  it("lose an attributes class at creation, and keep it after, while its gate is off", () => {
    const off = { VolumeAttributesClass: false };
    const csi = { ...volume, hostPath: undefined, csi: { driver: "d", volumeHandle: "h" } };
    const spec = { ...csi, volumeAttributesClassName: "gold" };
    expect(created(persistentVolumeKind, { spec }, off)["spec"]).not.toHaveProperty("volumeAttributesClassName");
    const old = created(persistentVolumeKind, { spec });
    const object = { ...old, spec: { ...(old["spec"] as object), volumeAttributesClassName: "silver" } };
    expect(persistentVolumeKind.validateUpdate(object, old, testContext(off)).map(({ message }) => message)).toEqual([
      "Forbidden: update is forbidden when the VolumeAttributesClass feature gate is disabled",
    ]);
  });

  it("may name mount options in the old annotation only where their type has some", () => {
    const metadata = { name: "v", annotations: { "volume.beta.kubernetes.io/mount-options": "ro" } };
    expect(createProblems(persistentVolumeKind, { metadata, spec: volume })).toEqual([
      "metadata.annotations.volume.beta.kubernetes.io/mount-options: Forbidden: may not specify mount options for this volume type",
    ]);
    const nfs = { ...volume, hostPath: undefined, nfs: { server: "s", path: "/x" } };
    expect(createProblems(persistentVolumeKind, { metadata, spec: nfs })).toEqual([]);
  });

  it("get the defaults of their source, and amounts in whole thousandths", () => {
    const iscsi = { targetPortal: "10.0.0.1", iqn: "iqn.2001-04.com.example:s", lun: 0 };
    const spec = { ...volume, hostPath: undefined, iscsi, capacity: { storage: "1.5m" } };
    expect(created(persistentVolumeKind, { spec })).toMatchObject({
      spec: { iscsi: { iscsiInterface: "default" }, capacity: { storage: "2m" } },
    });
  });

  it("show what they are bound to", () => {
    const spec = { ...volume, claimRef: { namespace: "default", name: "c" } };
    expect(row(persistentVolumeKind, { spec, status: { phase: "Bound" } })).toMatchObject({
      Capacity: "1Gi",
      "Access Modes": "RWO",
      Status: "Bound",
      Claim: "default/c",
    });
  });
});

describe("persistent volume claims", () => {
  it("write one data source both ways, and ignore sources that only dataSourceRef may name", () => {
    const dataSource = { kind: "PersistentVolumeClaim", name: "other" };
    expect(created(persistentVolumeClaimKind, { spec: { ...claim, dataSource } })).toMatchObject({
      spec: { volumeMode: "Filesystem", dataSource, dataSourceRef: dataSource },
      status: { phase: "Pending" },
    });
    const strange = { kind: "Thing", name: "x", apiGroup: "example.com" };
    expect(created(persistentVolumeClaimKind, { spec: { ...claim, dataSource: strange } })["spec"]).not.toHaveProperty(
      "dataSource",
    );
  });

  it.each([
    [{}, []],
    [{ accessModes: [] }, ["spec.accessModes: Required value: at least 1 access mode is required"]],
    [{ resources: {} }, ["spec.resources[storage]: Required value"]],
    [
      { resources: { requests: { storage: "-1" } } },
      ['spec.resources[storage]: Invalid value: "-1": must be greater than zero'],
    ],
    [
      { storageClassName: "A" },
      [expect.stringContaining('spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain')],
    ],
    [
      { dataSourceRef: { kind: "Pod", name: "" } },
      [
        "spec.dataSource.name: Required value",
        "spec.dataSource: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        "spec.dataSourceRef.name: Required value",
        "spec.dataSourceRef: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
      ],
    ],
  ])("check %j", (change, problems) => {
    expect(createProblems(persistentVolumeClaimKind, { spec: { ...claim, ...change } })).toEqual(problems);
  });

  it("do not change but for being bound", () => {
    expect(
      updateProblems(persistentVolumeClaimKind, { spec: claim }, { spec: { ...claim, volumeName: "pv" } }),
    ).toEqual([]);
    const [problem = ""] = updateProblems(
      persistentVolumeClaimKind,
      { spec: claim },
      { spec: { ...claim, accessModes: ["ReadWriteMany"] } },
    );
    expect(problem).toContain(
      "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    );
    expect(problem).toContain('-  "ReadWriteOnce"');
    expect(problem).toContain('+  "ReadWriteMany"');
  });

  it("shrink to what they have while they grow, and not at all without RecoverVolumeExpansionFailure", () => {
    const sized = (storage: string) => ({ spec: { ...claim, resources: { requests: { storage } } } });
    const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
    const problems = (size: string, gates: Readonly<Record<string, boolean>>): readonly string[] => {
      const old = { ...created(persistentVolumeClaimKind, sized("4Gi")), ...bound };
      const object = { ...created(persistentVolumeClaimKind, sized(size)), ...bound };
      return persistentVolumeClaimKind.validateUpdate(object, old, testContext(gates)).map(({ message }) => message);
    };
    expect(problems("2Gi", {})).toEqual([]);
    expect(problems("1Gi", {})).toEqual(["Forbidden: field can not be less than status.capacity"]);
    expect(problems("2Gi", { RecoverVolumeExpansionFailure: false })).toEqual([
      "Forbidden: field can not be less than previous value",
    ]);
  });

  it("get a class only when they have none, by field or by the annotation of old", () => {
    const annotation = "volume.beta.kubernetes.io/storage-class";
    const problems = (before: string | undefined, after: string | undefined, spec: object): readonly string[] => {
      const old = created(persistentVolumeClaimKind, { spec: claim });
      const annotated = (value: string | undefined) => ({
        ...old.metadata,
        annotations: value === undefined ? {} : { [annotation]: value },
      });
      const [was, is] = [
        { ...old, metadata: annotated(before) },
        { ...old, metadata: annotated(after), spec: { ...(old["spec"] as object), ...spec } },
      ];
      return persistentVolumeClaimKind.validateUpdate(is, was, testContext()).map(({ field }) => field);
    };
    expect(problems(undefined, undefined, { storageClassName: "fast" })).toEqual([]);
    expect(problems("fast", "fast", { storageClassName: "fast" })).toEqual([]);
    expect(problems("fast", undefined, { storageClassName: "fast" })).toEqual([]);
    expect(problems("fast", "fast", { storageClassName: "slow" })).toEqual(["spec"]);
    expect(problems("fast", undefined, {})).toEqual([`metadata.annotations.${annotation}`]);
    expect(problems("fast", "slow", {})).toEqual([`metadata.annotations.${annotation}`]);
  });

  it("tell amounts and states of resizing that there are", () => {
    const problems = (status: Readonly<Record<string, unknown>>) =>
      statusProblems(persistentVolumeClaimKind, { spec: claim }, status);
    expect(problems({ capacity: { storage: "-1" } })).toEqual([
      "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
    ]);
    expect(problems({ allocatedResources: { storage: "1Gi", "example.com/x": "1" } })).toEqual([]);
    expect(problems({ allocatedResources: { cpu: "1" } })).toEqual([
      'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
    ]);
    expect(problems({ allocatedResourceStatuses: { storage: "NodeResizePending" } })).toEqual([]);
    expect(problems({ allocatedResourceStatuses: { storage: "Foo" } })).toEqual([
      'status.allocatedResourceStatuses: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
    ]);
  });
});
