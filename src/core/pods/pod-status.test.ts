import { describe, expect, it } from "vitest";
import type { PodStatus } from "../../api/types.ts";
import { finalStatus } from "./final-status.ts";
import { computePodStatus, type PodStatusInput } from "./pod-status.ts";
import { NOTHING_RUNNING, type PodRuntime } from "./pod-runtime.ts";
import { attempt, NOW, podOf, runtimeOf, sandbox } from "./pods-for-tests.ts";

function statusOf(changes: Partial<PodStatusInput>): PodStatus {
  return computePodStatus({
    pod: podOf(),
    runtime: NOTHING_RUNNING,
    previous: {},
    probes: { isStarted: () => true, isReady: () => true },
    startProblem: () => undefined,
    terminal: false,
    hostIps: ["192.0.2.1", "2001:db8::1"],
    isStatic: false,
    recursiveReadOnlyMounts: false,
    now: NOW,
    ...changes,
  });
}

const exited = (name: string, exitCode: number, number = 0): PodRuntime["containers"][number] =>
  attempt(name, { state: "exited", exitCode, reason: exitCode === 0 ? "Completed" : "Error", attempt: number });

const condition = (status: PodStatus, type: string): unknown => {
  const found = status.conditions?.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : [found.status, found.reason, found.message];
};

describe("computePodStatus()", () => {
  it("begins with containers being created", () => {
    const status = statusOf({});
    expect(status).toMatchObject({
      phase: "Pending",
      startTime: "2026-01-01T00:00:00Z",
      hostIP: "192.0.2.1",
      hostIPs: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }],
      qosClass: "BestEffort",
      containerStatuses: [{ name: "app", image: "app:1", imageID: "", ready: false, started: false, restartCount: 0 }],
    });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: "ContainerCreating" } });
    expect(condition(status, "PodReadyToStartContainers")).toEqual(["False", undefined, undefined]);
    expect(condition(status, "Ready")).toEqual([
      "False",
      "ContainersNotReady",
      "containers with unready status: [app]",
    ]);
    expect(status.podIP).toBeUndefined();
  });

  it("says PodInitializing while there are init containers to run", () => {
    const pod = podOf({ initContainers: [{ name: "init", image: "app:1" }] });
    const status = statusOf({ pod, runtime: runtimeOf([attempt("init")]) });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(condition(status, "Initialized")).toEqual([
      "False",
      "ContainersNotInitialized",
      "containers with incomplete status: [init]",
    ]);
    expect(status.phase).toBe("Pending");
  });

  it("is ready when all containers are, and keeps the times of what did not change", () => {
    const first = statusOf({ runtime: runtimeOf([attempt("app")]) });
    expect(condition(first, "Ready")).toEqual(["True", undefined, undefined]);
    const later = statusOf({
      runtime: runtimeOf([attempt("app")]),
      previous: first,
      now: NOW + 60_000,
      probes: { isStarted: () => true, isReady: () => false },
    });
    const time = (status: PodStatus, type: string): string | undefined =>
      status.conditions?.find((one) => one.type === type)?.lastTransitionTime;
    expect(time(later, "Ready")).toBe("2026-01-01T00:01:00Z");
    expect(time(later, "Initialized")).toBe("2026-01-01T00:00:00Z");
    expect(later.startTime).toBe("2026-01-01T00:00:00Z");
  });

  it("waits for readiness gates", () => {
    const gates = { readinessGates: [{ conditionType: "example.com/lb" }] };
    const runtime = runtimeOf([attempt("app")]);
    expect(condition(statusOf({ pod: podOf(gates), runtime }), "Ready")).toEqual([
      "False",
      "ReadinessGatesNotReady",
      'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
    ]);
    const pod = { ...podOf(gates), status: { conditions: [{ type: "example.com/lb", status: "True" }] } };
    const status = statusOf({ pod, runtime });
    expect(condition(status, "Ready")).toEqual(["True", undefined, undefined]);
    expect(condition(status, "example.com/lb")).toEqual(["True", undefined, undefined]);
  });

  it("shows how the attempt before ended", () => {
    const runtime = runtimeOf([attempt("app", { attempt: 1 }), exited("app", 3)]);
    const [app] = statusOf({ runtime }).containerStatuses ?? [];
    expect(app).toMatchObject({ restartCount: 1, containerID: "containerd://app-1" });
    expect(app?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: "Error",
      containerID: "containerd://app-0",
    });
  });

  it("remembers an end that the runtime has forgotten, and never counts restarts down", () => {
    const previous = statusOf({ runtime: runtimeOf([exited("app", 3, 4)]) });
    const [app] = statusOf({ runtime: runtimeOf([attempt("app")]), previous }).containerStatuses ?? [];
    expect(app?.restartCount).toBe(4);
    expect(app?.lastState?.terminated?.exitCode).toBe(3);
  });

  it("turns a container that is about to restart into a waiting one", () => {
    const status = statusOf({
      runtime: runtimeOf([exited("app", 1)]),
      startProblem: () => ({ reason: "CrashLoopBackOff", message: "back-off 10s" }),
    });
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
      lastState: { terminated: { exitCode: 1 } },
    });
    expect(status.phase).toBe("Running");
  });

  it("does not turn back what will not restart", () => {
    const status = statusOf({
      pod: podOf({ restartPolicy: "Never" }),
      runtime: runtimeOf([exited("app", 1)]),
      startProblem: () => ({ reason: "CrashLoopBackOff", message: "" }),
    });
    expect(status.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(1);
    expect(status.phase).toBe("Failed");
  });

  it("counts a container that vanished while running as one that failed", () => {
    const previous = statusOf({ runtime: runtimeOf([attempt("app")]) });
    const [app] = statusOf({ runtime: runtimeOf([]), previous }).containerStatuses ?? [];
    expect(app).toMatchObject({
      restartCount: 1,
      state: { waiting: { reason: "ContainerCreating" } },
      lastState: { terminated: { reason: "ContainerStatusUnknown", exitCode: 137 } },
    });
  });

  it("keeps a final phase, whoever set it", () => {
    const pod = { ...podOf(), status: { phase: "Failed", reason: "Evicted", message: "too big" } };
    const status = statusOf({ pod, runtime: runtimeOf([attempt("app")]) });
    expect(status).toMatchObject({ phase: "Failed", reason: "Evicted", message: "too big" });
    expect(condition(status, "Ready")).toEqual(["False", "PodFailed", undefined]);
  });

  it("keeps its addresses after the sandbox is gone", () => {
    const previous = statusOf({ runtime: runtimeOf([attempt("app")]) });
    expect(previous.podIPs).toEqual([{ ip: "10.0.0.5" }]);
    const runtime = runtimeOf([exited("app", 0)], [sandbox({ ready: false, ips: [] })]);
    expect(statusOf({ runtime, previous }).podIP).toBe("10.0.0.5");
  });

  it("has the node's addresses on the host's network", () => {
    const runtime = runtimeOf([attempt("app")], [sandbox({ ips: [] })]);
    const status = statusOf({ pod: podOf({ hostNetwork: true }), runtime });
    expect(status.podIPs).toEqual([{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }]);
  });

  it("lists containers by name and init containers in their order", () => {
    const named = (name: string) => ({ name, image: "app:1" });
    const pod = podOf({ initContainers: [named("z"), named("a")], containers: [named("z2"), named("a2")] });
    const status = statusOf({ pod });
    expect(status.initContainerStatuses?.map(({ name }) => name)).toEqual(["z", "a"]);
    expect(status.containerStatuses?.map(({ name }) => name)).toEqual(["a2", "z2"]);
  });

  it("tells how volumes are mounted", () => {
    const volumeMounts = [
      { name: "data", mountPath: "/data" },
      { name: "cert", mountPath: "/cert", readOnly: true, recursiveReadOnly: "IfPossible" },
    ];
    const pod = podOf({ containers: [{ name: "app", image: "app:1", volumeMounts }] });
    const [app] = statusOf({ pod, recursiveReadOnlyMounts: true }).containerStatuses ?? [];
    expect(app?.volumeMounts).toEqual([
      { name: "data", mountPath: "/data" },
      { name: "cert", mountPath: "/cert", readOnly: true, recursiveReadOnly: "Enabled" },
    ]);
  });

  it("shows resources as they are, in the words of the spec while they mean the same", () => {
    const resources = { requests: { cpu: "0.5", memory: "64Mi" }, limits: { cpu: "1", memory: "134217728" } };
    const pod = podOf({ containers: [{ name: "app", image: "app:1", resources }] });
    const seen = { cpuShares: 512, cpuQuota: 100_000, cpuPeriod: 100_000, memoryLimitBytes: 134_217_728 };
    const same = statusOf({ pod, runtime: runtimeOf([attempt("app", { resources: seen })]) });
    expect(same.containerStatuses?.[0]?.resources).toEqual(resources);
    const other = { ...seen, cpuQuota: 50_000, memoryLimitBytes: 268_435_456 };
    const changed = statusOf({ pod, runtime: runtimeOf([attempt("app", { resources: other })]) });
    expect(changed.containerStatuses?.[0]?.resources?.limits).toEqual({ cpu: "500m", memory: "256Mi" });
  });
});

describe("computePodStatus(), the phase", () => {
  const init = { name: "init", image: "app:1" };
  const side = { name: "side", image: "app:1", restartPolicy: "Always" };
  const two = [
    { name: "a", image: "app:1" },
    { name: "b", image: "app:1" },
  ];
  const cases: readonly [string, Partial<PodStatusInput>, string][] = [
    ["one of two containers runs", { pod: podOf({ containers: two }), runtime: runtimeOf([attempt("a")]) }, "Pending"],
    [
      "one runs, one has ended and restarts",
      { pod: podOf({ containers: two }), runtime: runtimeOf([attempt("a"), exited("b", 1)]) },
      "Running",
    ],
    ["all ended, Always", { runtime: runtimeOf([exited("app", 0)]) }, "Running"],
    [
      "all ended well, Never",
      { pod: podOf({ restartPolicy: "Never" }), runtime: runtimeOf([exited("app", 0)]) },
      "Succeeded",
    ],
    [
      "one ended badly, OnFailure",
      { pod: podOf({ restartPolicy: "OnFailure" }), runtime: runtimeOf([exited("app", 1)]) },
      "Running",
    ],
    ["all ended and the pod is over", { runtime: runtimeOf([exited("app", 0)]), terminal: true }, "Succeeded"],
    ["one failed and the pod is over", { runtime: runtimeOf([exited("app", 1)]), terminal: true }, "Failed"],
    [
      "a static pod that is over has no final phase",
      { runtime: runtimeOf([exited("app", 0)]), terminal: true, isStatic: true },
      "Running",
    ],
    [
      "an init container failed, Never",
      {
        pod: podOf({ restartPolicy: "Never", initContainers: [init] }),
        runtime: runtimeOf([exited("init", 1)]),
      },
      "Failed",
    ],
    [
      "an init container failed, Always",
      { pod: podOf({ initContainers: [init] }), runtime: runtimeOf([exited("init", 1)]) },
      "Pending",
    ],
    [
      "a sidecar restarts after initialization",
      {
        pod: podOf({ initContainers: [side] }),
        runtime: runtimeOf([attempt("side", { attempt: 1 }), exited("side", 1), attempt("app")]),
        probes: { isStarted: (name) => name !== "side", isReady: () => true },
      },
      "Running",
    ],
    [
      "main containers are done, a sidecar goes on",
      {
        pod: podOf({ restartPolicy: "Never", initContainers: [side] }),
        runtime: runtimeOf([attempt("side"), exited("app", 0)]),
      },
      "Running",
    ],
    ["the node ends the pod", { terminal: true, ended: { reason: "Evicted", message: "" } }, "Failed"],
  ];
  for (const [title, input, phase] of cases) {
    it(`is ${phase}: ${title}`, () => expect(statusOf(input).phase).toBe(phase));
  }
});

describe("finalStatus()", () => {
  it("ends what nobody saw ending", () => {
    const pod = podOf();
    const running = statusOf({ pod, runtime: runtimeOf([attempt("app")]) });
    const status = finalStatus(pod, running, false, NOW + 1000);
    expect(status.phase).toBe("Failed");
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      reason: "ContainerStatusUnknown",
      exitCode: 137,
    });
    expect(condition(status, "Ready")).toEqual(["False", "PodFailed", undefined]);
  });

  it("leaves alone what ended, and init containers that never ran", () => {
    const pod = podOf({
      restartPolicy: "Never",
      initContainers: [
        { name: "one", image: "app:1" },
        { name: "two", image: "app:1" },
      ],
    });
    const failed = statusOf({ pod, runtime: runtimeOf([exited("one", 2)]) });
    const status = finalStatus(pod, failed, false, NOW);
    expect(status.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(2);
    expect(status.initContainerStatuses?.[1]?.state?.waiting).toBeDefined();
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe("PodInitializing");
  });
});
