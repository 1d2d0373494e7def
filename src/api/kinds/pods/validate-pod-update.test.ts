import { describe, expect, it } from "vitest";
import type { KubernetesObject, Pod, PodSpec } from "../../types.ts";
import { without } from "../fill.ts";
import { testContext } from "../gates-for-tests.ts";
import { validateEphemeralContainersUpdate, withEphemeralContainers } from "./ephemeral-containers.ts";
import { created, podOf, updateProblems } from "./pod-for-tests.ts";
import { podKind } from "./pods.ts";
import { validateResize, withResizedResources } from "./resize.ts";

const texts = (errors: readonly { readonly field: string; readonly message: string }[]): readonly string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);
const pod = (spec: object = {}, metadata: object = {}): KubernetesObject =>
  created(podOf(spec as Readonly<Record<string, unknown>>, metadata as Readonly<Record<string, unknown>>));

describe("updating a pod", () => {
  it("accepts what may change", () => {
    const old = pod({ activeDeadlineSeconds: 10, schedulingGates: [{ name: "a" }, { name: "b" }] });
    const problems = updateProblems(old, (spec) => ({
      ...spec,
      containers: spec.containers.map((container) => ({ ...container, image: "busybox:2" })),
      activeDeadlineSeconds: 5,
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists" }],
      schedulingGates: [{ name: "b" }],
      nodeSelector: { a: "b" },
    }));
    expect(problems).toEqual([]);
  });

  it("shows what else was changed", () => {
    const [problem = "", ...more] = updateProblems(pod(), (spec) => ({
      ...spec,
      containers: spec.containers.map((container) => ({ ...container, command: ["sh"] })),
    }));
    expect(more).toEqual([]);
    expect(problem.split("\n").slice(0, 2)).toEqual([
      "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
      "@@ -1,6 +1,9 @@",
    ]);
    expect(problem).toContain('\n+   "command": [\n+    "sh"\n+   ],\n');
  });

  it("takes absent and empty as the same", () => {
    expect(updateProblems(pod(), (spec) => ({ ...spec, hostNetwork: false, nodeSelector: {} }))).toEqual([]);
  });

  it.each<readonly [string, object, (spec: PodSpec) => object, string]>([
    ["hostUsers", {}, (spec) => ({ ...spec, hostUsers: false }), "spec: Forbidden: pod updates may not change"],
    ["the node", {}, (spec) => ({ ...spec, nodeName: "n" }), "spec: Forbidden: pod updates may not change"],
    [
      "the number of containers",
      {},
      (spec) => ({ ...spec, containers: [...spec.containers, { name: "b", image: "b" }] }),
      "spec.containers: Forbidden: pod updates may not add or remove containers",
    ],
    [
      "an image to nothing",
      {},
      (spec) => ({ ...spec, containers: spec.containers.map((container) => without(container, "image")) }),
      "spec.containers[0].image: Required value",
    ],
    [
      "a deadline to a later one",
      { activeDeadlineSeconds: 5 },
      (spec) => ({ ...spec, activeDeadlineSeconds: 6 }),
      "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
    ],
    [
      "a deadline to none",
      { activeDeadlineSeconds: 5 },
      (spec) => without(spec, "activeDeadlineSeconds"),
      "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
    ],
    [
      "a toleration",
      { tolerations: [{ key: "a" }] },
      (spec) => ({ ...spec, tolerations: [{ key: "b" }] }),
      "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
    ],
    [
      "scheduling gates by adding one",
      { schedulingGates: [{ name: "a" }] },
      (spec) => ({ ...spec, schedulingGates: [{ name: "c" }] }),
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'c'",
    ],
    [
      "the node selector of a gated pod by taking away",
      { schedulingGates: [{ name: "a" }], nodeSelector: { a: "b" } },
      (spec) => without(spec, "nodeSelector"),
      "spec.nodeSelector: Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)",
    ],
    [
      "the grace period",
      {},
      (spec) => ({ ...spec, terminationGracePeriodSeconds: 1 }),
      "spec: Forbidden: pod updates may not change",
    ],
  ])("refuses to change %s", (_title, spec, change, problem) => {
    const problems = updateProblems(pod(spec), change);
    expect(
      problems.some((text) => text.startsWith(problem)),
      problems.join("\n"),
    ).toBe(true);
  });

  it("lets a negative grace period become 1", () => {
    const old = pod({ terminationGracePeriodSeconds: -1 });
    expect(updateProblems(old, (spec) => ({ ...spec, terminationGracePeriodSeconds: 1 }))).toEqual([]);
  });

  it("keeps what was accepted once: hostUsers with devices and host network", () => {
    const old = pod({
      hostUsers: false,
      hostNetwork: true,
      containers: [{ name: "main", image: "a", volumeDevices: [{ name: "v", devicePath: "/dev/x" }] }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }],
      securityContext: { seLinuxChangePolicy: "MountOption" },
    });
    expect(updateProblems(old, (spec) => ({ ...spec, activeDeadlineSeconds: 5 }))).toEqual([]);
  });

  it("fixes some annotations", () => {
    const old = pod({ nodeName: "n" }, { annotations: { "kubernetes.io/config.mirror": "x" } });
    const next = { ...old, metadata: { ...old.metadata, annotations: {} } };
    expect(texts(podKind.validateUpdate(next, old, testContext()))).toEqual([
      "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or update mirror pod annotation",
    ]);
  });
});

describe("updating a pod's status", () => {
  const withStatus = (status: object, spec: object = {}): KubernetesObject =>
    ({ ...pod(spec), status }) as KubernetesObject;
  const ended = { name: "main", state: { terminated: { exitCode: 1 } } };
  const running = { name: "main", state: { running: {} } };
  const problems = (next: object, old: object, spec: object = {}): readonly string[] =>
    texts(podKind.validateStatusUpdate(withStatus(next, spec), withStatus(old, spec), testContext()));

  it("names an image that is mounted by a reference of some length", () => {
    const mounted = (imageRef: string) => ({
      containerStatuses: [
        { name: "main", volumeMounts: [{ name: "v", mountPath: "/v", volumeStatus: { image: { imageRef } } }] },
      ],
    });
    const field = "status.containerStatuses[0].volumeMounts[0].volumeStatus.imageVolumeStatus.imageRef";
    expect(problems(mounted("a@sha256:1"), {})).toEqual([]);
    expect(problems(mounted(""), {})).toEqual([`${field}: Required value: imageRef must not be empty`]);
    expect(problems(mounted("a".repeat(257)), {})).toEqual([`${field}: Too long: may not be more than 256 bytes`]);
  });

  it("lets nothing rise from the dead against its restart policy", () => {
    const text = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state";
    const change = [{ containerStatuses: [running] }, { containerStatuses: [ended] }] as const;
    expect(problems(...change, { restartPolicy: "Never" })).toEqual([text]);
    expect(problems(...change, { restartPolicy: "OnFailure" })).toEqual([]);
    expect(problems(...change, {})).toEqual([]);
    const rules = [{ action: "Restart", exitCodes: { operator: "In", values: [1] } }];
    const own = { name: "main", image: "a", restartPolicy: "Never", restartPolicyRules: rules };
    expect(problems(...change, { restartPolicy: "Never", containers: [own] })).toEqual([]);
  });

  it("checks addresses, conditions, QoS class", () => {
    expect(
      problems(
        {
          qosClass: "Burstable",
          podIPs: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }],
          hostIPs: [{ ip: "1.2.3.4" }],
          conditions: [{ type: "a b", observedGeneration: -1 }],
        },
        { qosClass: "BestEffort" },
      ).map((text) => text.slice(0, 70)),
    ).toEqual(
      [
        "status.conditions[0].observedGeneration: Invalid value: -1: must be a n",
        'status.conditions[0].Type: Invalid value: "a b": name part must consist',
        'status.qosClass: Invalid value: "Burstable": field is immutable',
        'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: m',
        'status.hostIPs[0].ip: Invalid value: "1.2.3.4": must be equal to `hostI',
      ].map((text) => text.slice(0, 70)),
    );
  });
});

describe("pods/ephemeralcontainers", () => {
  const container = {
    name: "debug",
    image: "a",
    imagePullPolicy: "Always",
    terminationMessagePolicy: "File",
    targetContainerName: "main",
  };
  const add = (old: KubernetesObject, list: readonly object[]): KubernetesObject =>
    withEphemeralContainers({ ...old, spec: { containers: [], ephemeralContainers: list } }, old);

  it("adds, and takes nothing else from what was sent", () => {
    const old = pod();
    const next = add(old, [container]);
    expect((next as Pod).spec?.containers).toHaveLength(1);
    expect(validateEphemeralContainersUpdate(next, old, testContext())).toEqual([]);
  });

  it("neither removes nor changes", () => {
    const old = add(pod(), [container]);
    expect(texts(validateEphemeralContainersUpdate(add(old, []), old, testContext()))).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
    ]);
    const changed = add(old, [{ ...container, image: "b" }]);
    expect(texts(validateEphemeralContainersUpdate(changed, old, testContext()))[0]).toMatch(
      /^spec\.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\n@@/u,
    );
  });
});

describe("pods/resize", () => {
  const sized = (cpu: string, extra: object = {}): KubernetesObject =>
    pod({ containers: [{ name: "main", image: "a", resources: { requests: { cpu, ...extra } } }] });

  it("changes cpu and memory", () => {
    const next = withResizedResources(sized("2"), sized("1"));
    expect((next as Pod).spec?.containers[0]?.resources?.requests).toEqual({ cpu: "2" });
    expect(validateResize(next, sized("1"), testContext())).toEqual([]);
  });

  it("changes neither the QoS class nor other resources, and removes nothing", () => {
    const best = pod({});
    expect(texts(validateResize(withResizedResources(sized("1"), best), best, testContext()))).toContain(
      'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing',
    );
    const storage = withResizedResources(sized("1", { "ephemeral-storage": "1Gi" }), sized("1"));
    expect(texts(validateResize(storage, sized("1"), testContext()))).toEqual([
      "spec: Forbidden: only cpu and memory resources are mutable",
    ]);
    const less = withResizedResources(
      pod({ containers: [{ name: "main", image: "a", resources: { requests: { memory: "1Gi" } } }] }),
      sized("1"),
    );
    expect(texts(validateResize(less, sized("1"), testContext()))).toEqual([
      "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
    ]);
  });
});
