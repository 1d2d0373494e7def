import { describe, expect, it } from "vitest";
import { GATES_ACTED_ON } from "../../feature-gate-table.ts";
import type { PodSpec } from "../../types.ts";
import { testContext } from "../gates-for-tests.ts";
import { FIELD_GATES, dropDisabledFields } from "./disabled-fields.ts";

const own = { name: "a" };

const USES: readonly (readonly [string, PodSpec])[] = [
  ["UserNamespacesSupport", { containers: [], hostUsers: true }],
  ["PodLevelResources", { containers: [], resources: { limits: { cpu: "1" } } }],
  ["HostnameOverride", { containers: [], hostnameOverride: "x" }],
  ["GenericWorkload", { containers: [], schedulingGroup: { podGroupName: "x" } }],
  ["SELinuxChangePolicy", { containers: [], securityContext: { runAsUser: 1, seLinuxChangePolicy: "Recursive" } }],
  ["SupplementalGroupsPolicy", { containers: [], securityContext: { supplementalGroupsPolicy: "Strict" } }],
  [
    "InPlacePodVerticalScaling",
    { containers: [{ ...own, resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }] }] },
  ],
  [
    "ContainerRestartRules",
    { containers: [{ ...own, restartPolicy: "Never" }], initContainers: [{ ...own, restartPolicy: "Always" }] },
  ],
  [
    "ClusterTrustBundleProjection",
    { containers: [], volumes: [{ name: "v", projected: { sources: [{ clusterTrustBundle: { path: "p" } }] } }] },
  ],
  [
    "PodCertificateRequest",
    {
      containers: [],
      volumes: [{ name: "v", projected: { sources: [{ podCertificate: { keyType: "k", signerName: "s" } }] } }],
    },
  ],
  ["ProcMountType", { containers: [{ ...own, securityContext: { procMount: "Unmasked" } }] }],
  ["ContainerStopSignals", { containers: [{ ...own, lifecycle: { stopSignal: "SIGUSR1" } }] }],
  [
    "EnvFiles",
    {
      containers: [
        { ...own, env: [{ name: "A", valueFrom: { fileKeyRef: { key: "k", path: "p", volumeName: "v" } } }] },
      ],
    },
  ],
  ["ImageVolume", { containers: [], volumes: [{ name: "v", image: { reference: "r" } }] }],
];

describe("dropDisabledFields()", () => {
  it("asks only for gates that are announced, and every gate is tried here", () => {
    for (const gate of FIELD_GATES) expect([...GATES_ACTED_ON]).toContain(gate);
    expect(USES.map(([gate]) => gate)).toEqual(FIELD_GATES);
  });

  it.each(USES)("takes out the fields of %s when it is off, but not from those who have them", (gate, spec) => {
    const off = testContext({ [gate]: false }).gates;
    const on = testContext({ [gate]: true }).gates;
    expect(dropDisabledFields(spec, undefined, off)).not.toEqual(spec);
    expect(dropDisabledFields(spec, undefined, on)).toEqual(spec);
    expect(dropDisabledFields(spec, spec, off)).toEqual(spec);
  });

  it("keeps what stands beside", () => {
    const off = testContext({ ContainerRestartRules: false, SELinuxChangePolicy: false }).gates;
    const [, spec] = USES[4] ?? ["", { containers: [] }];
    expect(dropDisabledFields(spec, undefined, off).securityContext).toEqual({ runAsUser: 1 });
    const [, restarts] = USES[7] ?? ["", { containers: [] }];
    expect(dropDisabledFields(restarts, undefined, off)).toEqual({
      containers: [own],
      initContainers: [{ ...own, restartPolicy: "Always" }],
    });
  });

  it("makes a procMount that is off the default one, so that an update of an older pod stays no change", () => {
    const off = testContext({ ProcMountType: false }).gates;
    const mounted = (procMount: string): PodSpec => ({
      containers: [{ ...own, securityContext: { runAsUser: 1, procMount } }, own],
    });
    expect(dropDisabledFields(mounted("Unmasked"), undefined, off)).toEqual(mounted("Default"));
    expect(dropDisabledFields(mounted("Default"), mounted("Default"), off)).toEqual(mounted("Default"));
    expect(dropDisabledFields(mounted("Unmasked"), mounted("Default"), off)).toEqual(mounted("Default"));
    expect(dropDisabledFields(mounted("Unmasked"), mounted("Unmasked"), off)).toEqual(mounted("Unmasked"));
  });
});
