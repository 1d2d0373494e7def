import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SELinuxOptions } from "../selinux/label.ts";
import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { snapshotOf } from "./cluster-snapshot.ts";
import { clusterOfManifests } from "./manifests.ts";
import { optOutChanges } from "./opt-out-forms.ts";
import { type OptOutChoice, type PlannedWorkload, planOptOut } from "./opt-out-plan.ts";
import { buildReport, reportText } from "./report.ts";
import { workloadText } from "./workload.ts";

interface Wish {
  readonly name: string;
  readonly level: string | undefined;
  /** Of a second container that mounts the same. */
  readonly second?: SELinuxOptions | undefined;
  readonly recursive?: boolean;
  readonly claims: readonly string[];
  readonly accessMode?: string;
}

const drivers: readonly CSIDriver[] = [{ metadata: { name: "d" }, spec: { seLinuxMount: true } }];

function cluster(wishes: readonly Wish[], accessModes = ["ReadWriteMany"], mountOptions: readonly string[] = []) {
  const names = [...new Set(wishes.flatMap(({ claims }) => claims))];
  const claims: readonly PersistentVolumeClaim[] = names.map((name) => ({
    metadata: { namespace: "ns", name },
    spec: { volumeName: name },
  }));
  const persistentVolumes: readonly PersistentVolume[] = names.map((name) => ({
    metadata: { name },
    spec: { accessModes, mountOptions: [...mountOptions], csi: { driver: "d", volumeHandle: name } },
  }));
  const pods: readonly Pod[] = wishes.map(({ name, level, second, recursive, claims: used }) => ({
    metadata: {
      namespace: "ns",
      name: `${name}-5b5-x`,
      uid: name,
      labels: { "pod-template-hash": "5b5" },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: `${name}-5b5`, uid: "u", controller: true }],
    },
    spec: {
      securityContext: {
        ...(level !== undefined && { seLinuxOptions: { level } }),
        ...(recursive === true && { seLinuxChangePolicy: "Recursive" }),
      },
      containers: [undefined, ...(second === undefined ? [] : [second])].map((seLinuxOptions, position) => ({
        name: `c${position}`,
        volumeMounts: used.map((claim) => ({ name: claim, mountPath: `/${claim}` })),
        ...(seLinuxOptions !== undefined && { securityContext: { seLinuxOptions } }),
      })),
      volumes: used.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claim } })),
    },
  }));
  return snapshotOf({ pods, claims, persistentVolumes, drivers });
}

function plan(wishes: readonly Wish[], choice: OptOutChoice = {}): readonly PlannedWorkload[] {
  return planOptOut(cluster(wishes), choice);
}

const reportOf = (...parameters: Parameters<typeof cluster>) =>
  buildReport({ ...cluster(...parameters), problems: [] });

const named = (planned: readonly PlannedWorkload[]): readonly string[] =>
  planned.map(({ workload }) => workloadText(workload));

const wish = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  level: fc.constantFrom(undefined, "s0:c1", "s0:c2", "s0:c2,c1", "s0:c1,c2"),
  second: fc.option(fc.constantFrom({ type: "spc_t" }, { level: "s0:c1" }, { level: "s0:c2" }), { nil: undefined }),
  recursive: fc.boolean(),
  claims: fc.uniqueArray(fc.constantFrom("v1", "v2", "v3", "v4"), { minLength: 1, maxLength: 3 }),
});

describe("planOptOut()", () => {
  it("takes both sides, and those who share a volume with either", () => {
    const wishes: readonly Wish[] = [
      { name: "web", level: "s0:c1", claims: ["pictures", "cache"] },
      { name: "thumbs", level: "s0:c2", claims: ["pictures"] },
      { name: "warmer", level: "s0:c1", claims: ["cache"] },
      { name: "apart", level: "s0:c1", claims: ["other"] },
    ];
    expect(named(plan(wishes))).toEqual(["ns/Deployment/thumbs", "ns/Deployment/warmer", "ns/Deployment/web"]);
    expect(plan(wishes).find(({ workload }) => workload.name === "warmer")?.because).toBe("shares-volume");
    expect(named(plan(wishes, { workload: "NS/deployment/THUMBS" }))).toHaveLength(3);
    expect(plan(wishes, { claim: "ns/other" })).toEqual([]);
    expect(named(plan(wishes, { wholeNamespaces: true }))).toContain("ns/Deployment/apart");
  });

  it("takes pods whose own containers exclude each other, and all who share their volume", () => {
    const wishes: readonly Wish[] = [
      { name: "web", level: "s0:c1", second: { level: "s0:c2" }, claims: ["v"] },
      { name: "backup", level: "s0:c1", claims: ["v"] },
      { name: "apart", level: "s0:c1", claims: ["w"] },
    ];
    expect(named(plan(wishes, { claim: "ns/v" }))).toEqual(["ns/Deployment/backup", "ns/Deployment/web"]);
    expect(plan(wishes, { claim: "ns/w" })).toEqual([]);
  });

  it("opens the gate when it is carried out, whatever the cluster", () => {
    fc.assert(
      fc.property(fc.uniqueArray(wish, { selector: ({ name }) => name, maxLength: 6 }), (wishes) => {
        const planned = new Set(plan(wishes).map(({ workload }) => workload.name));
        const after = wishes.map((one) => (planned.has(one.name) ? { ...one, recursive: true } : one));
        expect(reportOf(after).gate.safe).toBe(true);
        if (reportOf(wishes).gate.safe) expect(planned.size).toBe(0);
      }),
    );
  });

  it("has nothing to do where all of a workload opted out", () => {
    const changes = optOutChanges(
      plan([
        { name: "web", level: "s0:c1", claims: ["v"] },
        { name: "done", level: "s0:c1", recursive: true, claims: ["v"] },
      ]),
    );
    expect(changes).toMatchObject([
      {
        how: "patch",
        patch: { spec: { template: { spec: { securityContext: { seLinuxChangePolicy: "Recursive" } } } } },
      },
    ]);
    expect(changes).toHaveLength(1);
  });
});

describe("buildReport()", () => {
  const input = (...parameters: Parameters<typeof cluster>) => ({ ...cluster(...parameters), problems: [] });

  it("groups pods by workload and says what keeps the gate shut", () => {
    const report = buildReport(
      input([
        { name: "web", level: "s0:c1", claims: ["v"] },
        { name: "backup", level: undefined, claims: ["v"] },
      ]),
    );
    expect(report.gate).toEqual({
      safe: false,
      reasons: ["1 volume would be used by 2 pods that exclude each other"],
    });
    expect(report.volumes).toMatchObject([
      {
        from: "SELinuxMount",
        claims: ["ns/v"],
        workloads: [
          { kind: "Deployment", name: "backup", policy: "Recursive", label: "", because: "no-label" },
          { kind: "Deployment", name: "web", policy: "MountOption", label: ":::s0:c1", pods: 1 },
        ],
      },
    ]);
  });

  it("counts a pod once, however many of its volumes are in conflict, and narrows to a namespace", () => {
    const wishes = [
      { name: "a", level: "s0:c1", claims: ["v", "w"] },
      { name: "b", level: "s0:c2", claims: ["v", "w"] },
    ];
    const report = buildReport(input(wishes));
    expect(report.totals).toMatchObject({ volumes: 2, pods: 2, pairs: { SELinuxLabel: 2 } });
    expect(report.gate.reasons).toEqual(["2 volumes would be used by 2 pods that exclude each other"]);
    expect(buildReport({ ...input(wishes), namespace: "ns" })).toEqual(report);
    expect(buildReport({ ...input(wishes), namespace: "elsewhere" })).toMatchObject({
      volumes: [],
      totals: { volumes: 0, pods: 0, indexedPods: 2 },
      gate: { safe: true },
    });
  });

  it.each<readonly [string, readonly Wish[], readonly string[], string]>([
    [
      "a label without a level",
      [{ name: "a", level: undefined, second: { type: "spc_t" }, claims: ["v"] }],
      [],
      "1 volume may be mounted with a label nobody knows: pods give a label without a level",
    ],
    [
      "a level on one of two containers",
      [{ name: "a", level: undefined, second: { level: "s0:c1" }, claims: ["v"] }],
      [],
      "1 volume may be mounted with a label nobody knows: pods give a label without a level",
    ],
    [
      "one level in two spellings",
      [
        { name: "a", level: "s0:c1,c2", claims: ["v"] },
        { name: "b", level: "s0:c2,c1", claims: ["v"] },
      ],
      [],
      "1 volume may be kept from pods that write the same level differently",
    ],
    [
      "a volume with a context of its own",
      [{ name: "a", level: "s0:c1", claims: ["v"] }],
      ["ro", 'context="system_u:object_r:nfs_t:s0"'],
      "1 volume may be mounted with two contexts: the PersistentVolume has one among its mountOptions",
    ],
  ])("does not call %s safe, though nothing conflicts", (_, wishes, mountOptions, reason) => {
    const report = buildReport(input(wishes, ["ReadWriteMany"], mountOptions));
    expect(report.volumes).toEqual([]);
    expect(report.uncertainVolumes).toMatchObject([{ claims: ["ns/v"], pods: wishes.length }]);
    expect(report.gate).toEqual({ safe: false, reasons: [reason] });
    const settled = wishes.map((wish) => ({ ...wish, recursive: true }));
    expect(reportOf(settled, ["ReadWriteMany"], mountOptions).gate.safe).toBe(true);
  });

  it("lets nothing keep the gate shut that SELinuxMount does not change", () => {
    expect(reportOf([{ name: "a", level: "s0:c2,c1", claims: ["v"] }]).gate.safe).toBe(true);
    const half = { name: "a", level: undefined, second: { level: "s0:c1" }, claims: ["v"] };
    expect(reportOf([half], ["ReadWriteOncePod"]).gate.safe).toBe(true);
    const context = ["context=system_u:object_r:nfs_t:s0"];
    expect(reportOf([{ name: "a", level: undefined, claims: ["v"] }], ["ReadWriteMany"], context).gate.safe).toBe(true);
  });

  it("is the same as text, and exact where not all is told", () => {
    fc.assert(
      fc.property(fc.uniqueArray(wish, { selector: ({ name }) => name, maxLength: 6 }), (wishes) => {
        const whole = buildReport(input(wishes));
        expect(JSON.parse([...reportText(input(wishes))].join(""))).toEqual(whole);
        const { volumes, uncertainVolumes, ...rest } = buildReport({ ...input(wishes), most: 1 });
        expect({ ...whole, ...rest }).toEqual(whole);
        expect(volumes).toEqual(whole.volumes.slice(0, 1));
        expect(uncertainVolumes).toEqual(whole.uncertainVolumes.slice(0, 1));
        expect(whole.totals).toMatchObject({
          volumes: whole.volumes.length,
          uncertainVolumes: whole.uncertainVolumes.length,
        });
      }),
    );
  });

  it("tells conflicts of today from those of tomorrow", () => {
    const wishes = [
      { name: "a", level: "s0:c1", claims: ["v"] },
      { name: "b", level: "s0:c2", claims: ["v"] },
    ];
    const report = buildReport(input(wishes, ["ReadWriteOncePod"]));
    expect(report.volumes).toMatchObject([{ from: "now" }]);
    expect(report.gate.safe).toBe(true);
    expect(buildReport({ ...input(wishes, ["ReadWriteOncePod"]), problems: ["denied"] }).gate).toEqual({
      safe: false,
      reasons: ["denied"],
    });
  });
});

describe("clusterOfManifests()", () => {
  it("takes workloads for pods and unknown drivers for supporting ones, and says so", () => {
    const template = (level: string) => ({
      spec: {
        securityContext: { seLinuxOptions: { level } },
        containers: [{ name: "c", volumeMounts: [{ name: "d", mountPath: "/d" }] }],
        volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }],
      },
    });
    const deployment = (name: string, level: string) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: { template: template(level) },
    });
    const manifests = clusterOfManifests([deployment("a", "s0:c1"), deployment("b", "s0:c2")]);
    expect(snapshotOf(manifests).index.totals()).toMatchObject({ volumes: 1, pods: 2 });
    expect(manifests.assumptions).toHaveLength(2);
    const past = { ...deployment("b-old", "s0:c9"), kind: "ReplicaSet" };
    const withPast = { ...past, spec: { ...past.spec, replicas: 0 } };
    expect(snapshotOf(clusterOfManifests([deployment("a", "s0:c1"), withPast])).index.totals().volumes).toBe(0);
    expect(snapshotOf(clusterOfManifests([deployment("a", "s0:c1"), past])).index.totals().volumes).toBe(1);
    const off = { apiVersion: "storage.k8s.io/v1", kind: "CSIDriver", metadata: { name: "unknown" }, spec: {} };
    const supported = clusterOfManifests([deployment("a", "s0:c1"), deployment("b", "s0:c2"), off]);
    expect(snapshotOf(supported).index.totals().volumes).toBe(0);
  });
});
