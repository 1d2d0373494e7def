import { afterEach, describe, expect, it } from "vitest";
import type { ContainerStatus, Pod } from "../../api/types.ts";
import { PODS } from "../../machinery/resources.ts";
import { UnprotectedPod } from "../userns/mapping-proofs.ts";
import { NODE_NAME, type PodNode, type PodNodeOptions, startPodNode } from "../../testing/pod-node.ts";

const APP = { name: "app", image: "app:1", imagePullPolicy: "IfNotPresent" };
const SIGNAL = new AbortController().signal;

let node: PodNode | undefined;

async function start(options: PodNodeOptions = {}): Promise<PodNode> {
  node = await startPodNode(options);
  return node;
}

afterEach(async () => {
  await node?.stop();
  node = undefined;
});

function containerOf(pod: Pod | undefined, name = "app"): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

function conditionOf(pod: Pod | undefined, type: string): string | undefined {
  return pod?.status?.conditions?.find((condition) => condition.type === type)?.status;
}

const isRunning = (target: PodNode, name: string) => async () => (await target.status(name)).phase === "Running";
const isGone = (target: PodNode, name: string) => async () => (await target.pod(name)) === undefined;

describe("a pod's life", () => {
  it("runs, with the whole status upstream reports", async () => {
    const node = await start();
    await node.create("web", { containers: [{ ...APP, resources: { requests: { cpu: "100m", memory: "64Mi" } } }] });
    await node.until("running", isRunning(node, "web"));
    const pod = await node.pod("web");
    expect(pod?.status).toMatchObject({
      phase: "Running",
      hostIP: "192.0.2.1",
      hostIPs: [{ ip: "192.0.2.1" }],
      podIPs: [{ ip: pod?.status?.podIP }],
      qosClass: "Burstable",
      observedGeneration: 1,
      startTime: "2026-01-01T00:00:00Z",
      containerStatuses: [
        {
          name: "app",
          image: "app:1",
          ready: true,
          started: true,
          restartCount: 0,
          lastState: {},
          state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
          allocatedResources: { cpu: "100m", memory: "64Mi" },
          resources: { requests: { cpu: "100m", memory: "64Mi" } },
          user: { linux: { uid: 0, gid: 0 } },
        },
      ],
    });
    expect(containerOf(pod)?.containerID).toMatch(/^memory:\/\/[0-9a-f]{64}$/u);
    for (const type of ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]) {
      expect(conditionOf(pod, type), type).toBe("True");
    }
    expect(pod?.status?.conditions?.find(({ type }) => type === "Ready")).not.toHaveProperty("reason");
  });

  it("is stopped for good when its runtime did not protect it", async () => {
    const lines = [{ hostId: 65536, containerId: 0, length: 65536 }];
    const node = await start({
      userNamespaces: {
        mappingFor: async () => ({ uidMappings: lines, gidMappings: lines }),
        release: async () => undefined,
        async prove(_uid, targets) {
          if (targets.some(({ what }) => what === 'container "app"')) throw new UnprotectedPod("it is not protected");
        },
      },
    });
    await node.create("own", { hostUsers: false, containers: [APP], restartPolicy: "Always" });
    await node.until("failed", async () => (await node.status("own")).phase === "Failed");
    expect(await node.status("own")).toMatchObject({
      reason: "UserNamespaceNotApplied",
      message: "it is not protected",
    });
    const running = (await node.runtime.containers.list({}, SIGNAL)).filter(({ state }) => state === "running");
    expect(running).toEqual([]);
    await node.until("event", async () =>
      (await node.events("own")).some(({ reason }) => reason === "UserNamespaceNotApplied"),
    );
  });

  it("is told once when its user namespace could not be given again, and goes on", async () => {
    let problem: string | undefined;
    const node = await start({
      userNamespaces: {
        mappingFor: async () => ({ uidMappings: [], gidMappings: [] }),
        release: async () => undefined,
        problemOf: () => problem,
      },
      manager: { syncPeriodMs: 1_000 },
    });
    await node.create("web", { containers: [APP], hostUsers: false });
    await node.until("running", isRunning(node, "web"));
    problem = "the mapping file is empty; delete the pod and create it again";
    await node.pass(5_000);
    const told = (await node.events("web")).filter(({ reason }) => reason === "UserNamespaceMappingUnusable");
    expect(told).toMatchObject([{ type: "Warning", message: expect.stringContaining(problem) }]);
    expect(told[0]?.count ?? 1).toBe(1);
    expect((await node.status("web")).phase).toBe("Running");
  });

  it("tells what happens to it as events about its containers", async () => {
    const node = await start();
    await node.create("web", { containers: [APP] });
    await node.until("started event", async () =>
      (await node.events("web")).some(({ reason }) => reason === "Started"),
    );
    const told = (await node.events("web")).map(({ reason, message, involvedObject }) => [
      reason,
      message,
      involvedObject.fieldPath,
    ]);
    expect(told).toEqual(
      expect.arrayContaining([
        [
          "Pulled",
          'Container image "app:1" already present on machine and can be accessed by the pod',
          "spec.containers{app}",
        ],
        ["Created", "Container created", "spec.containers{app}"],
        ["Started", "Container started", "spec.containers{app}"],
      ]),
    );
  });

  it("is deleted after its containers ended and everything was released", async () => {
    const node = await start();
    const { metadata } = await node.create("web", { containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    await node.client.delete(PODS, { namespace: "default", name: "web" }, SIGNAL);
    await node.until("gone", isGone(node, "web"));
    expect(node.released).toEqual([`volumes ${metadata?.uid}`, `cgroups ${metadata?.uid}`]);
    await node.until("nothing left", async () => (await node.runtime.sandboxes.list({}, SIGNAL)).length === 0);
    expect(await node.runtime.containers.list({}, SIGNAL)).toEqual([]);
    expect(node.manager().directory.pods()).toEqual([]);
  });

  it("keeps all it holds while its sandbox runs on though the runtime said it was stopped", async () => {
    const node = await start();
    const { metadata } = await node.create("web", { containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    const { sandboxes } = node.runtime;
    const stop = sandboxes.stop;
    Object.assign(sandboxes, { stop: async () => undefined });
    await node.client.delete(PODS, { namespace: "default", name: "web" }, SIGNAL);
    await node.pass(30_000);
    expect(node.released).toEqual([]);
    Object.assign(sandboxes, { stop });
    await node.until("gone", isGone(node, "web"));
    expect(node.released).toEqual([`volumes ${metadata?.uid}`, `cgroups ${metadata?.uid}`]);
  });

  it("is killed when its grace period is over", async () => {
    const node = await start({ runtime: { script: () => ({ ignoresStop: true }) } });
    await node.create("deaf", { containers: [APP], terminationGracePeriodSeconds: 30 });
    await node.until("running", isRunning(node, "deaf"));
    await node.client.delete(PODS, { namespace: "default", name: "deaf" }, SIGNAL);
    await node.pass(29_000);
    expect(containerOf(await node.pod("deaf"))?.state?.running).toBeDefined();
    const began = node.clock.now();
    await node.until("gone", isGone(node, "deaf"));
    expect(node.clock.now() - began).toBeLessThan(2_000);
  });

  it("is killed sooner when the grace period is made shorter on the way", async () => {
    const node = await start({ runtime: { script: () => ({ ignoresStop: true }) } });
    await node.create("deaf", { containers: [APP], terminationGracePeriodSeconds: 600 });
    await node.until("running", isRunning(node, "deaf"));
    await node.client.delete(PODS, { namespace: "default", name: "deaf" }, SIGNAL);
    await node.pass(5_000);
    await node.client.delete(PODS, { namespace: "default", name: "deaf" }, SIGNAL, { gracePeriodSeconds: 3 });
    const began = node.clock.now();
    await node.until("gone", isGone(node, "deaf"));
    expect(node.clock.now() - began).toBeLessThan(5_000);
  });

  it("succeeds or fails by its containers when nothing is to be restarted", async () => {
    const node = await start({
      runtime: {
        script: ({ metadata }) => ({ exitAfterMs: 1_000, exitCode: metadata.name === "bad" ? 3 : 0 }),
      },
    });
    await node.create("good", { restartPolicy: "Never", containers: [APP] });
    await node.create("bad", { restartPolicy: "Never", containers: [APP, { ...APP, name: "bad" }] });
    await node.until("succeeded", async () => (await node.status("good")).phase === "Succeeded");
    await node.until("failed", async () => (await node.status("bad")).phase === "Failed");
    const good = await node.pod("good");
    expect(good?.status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "False",
      reason: "PodCompleted",
    });
    expect(containerOf(await node.pod("bad"), "bad")?.state?.terminated).toMatchObject({
      exitCode: 3,
      reason: "Error",
    });
    expect((await node.runtime.sandboxes.list({}, SIGNAL)).every(({ ready }) => !ready)).toBe(true);
  });

  it("ends after activeDeadlineSeconds", async () => {
    const node = await start();
    await node.create("late", { containers: [APP], activeDeadlineSeconds: 60 });
    await node.until("running", isRunning(node, "late"));
    await node.pass(58_000);
    expect((await node.status("late")).phase).toBe("Running");
    await node.until("failed", async () => (await node.status("late")).phase === "Failed");
    expect(await node.status("late")).toMatchObject({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
  });

  it("is ended by the node with the node's reason", async () => {
    const node = await start();
    const { metadata } = await node.create("big", { containers: [APP] });
    await node.until("running", isRunning(node, "big"));
    node.manager().end(metadata?.uid ?? "", {
      reason: "Evicted",
      message: "The node was low on resource: memory.",
      condition: { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" },
    });
    await node.until("failed", async () => (await node.status("big")).phase === "Failed");
    expect(await node.status("big")).toMatchObject({ reason: "Evicted" });
    expect(conditionOf(await node.pod("big"), "DisruptionTarget")).toBe("True");
  });

  it("is turned away when the node has no room", async () => {
    const node = await start();
    await node.create("huge", { containers: [{ ...APP, resources: { requests: { cpu: "9" } } }] });
    await node.until("failed", async () => (await node.status("huge")).phase === "Failed");
    expect(await node.status("huge")).toMatchObject({
      reason: "OutOfcpu",
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 4000",
    });
    expect(node.runtime.calls).toEqual([]);
    await node.client.delete(PODS, { namespace: "default", name: "huge" }, SIGNAL);
    await node.until("gone", isGone(node, "huge"));
  });
});

describe("containers that end or fail", () => {
  it("are restarted with a back-off that doubles", async () => {
    const node = await start({ runtime: { script: () => ({ exitAfterMs: 100, exitCode: 1 }) } });
    await node.create("crash", { containers: [APP] });
    const restarts = async (): Promise<number> => containerOf(await node.pod("crash"))?.restartCount ?? 0;
    await node.until("first restart", async () => (await restarts()) === 1);
    expect(node.clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(2_000);
    await node.until(
      "waiting",
      async () => containerOf(await node.pod("crash"))?.state?.waiting?.reason === "CrashLoopBackOff",
    );
    const waiting = containerOf(await node.pod("crash"));
    expect(waiting?.state?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=app pod=crash_default\(.+\)$/u,
    );
    expect(waiting?.lastState?.terminated).toMatchObject({ exitCode: 1 });
    const begun: number[] = [];
    for (const count of [2, 3, 4]) {
      const since = node.clock.now();
      await node.until(`restart ${count}`, async () => (await restarts()) === count);
      begun.push(node.clock.now() - since);
    }
    expect(begun.map((waited) => Math.round(waited / 10_000))).toEqual([1, 2, 4]);
  });

  it("keep one dead attempt for its logs", async () => {
    const node = await start({ runtime: { script: () => ({ exitAfterMs: 100, exitCode: 1 }) } });
    await node.create("crash", { containers: [APP] });
    await node.until("restarts", async () => (containerOf(await node.pod("crash"))?.restartCount ?? 0) >= 3);
    await node.pass(1_000);
    expect((await node.runtime.containers.list({}, SIGNAL)).length).toBeLessThanOrEqual(2);
    const container = node.manager().directory.container("default", "crash", "app");
    expect(container?.previous?.attempt).toBe((container?.attempt ?? 0) - 1);
  });

  it("show why they can not be created or started", async () => {
    const node = await start({
      runtime: {
        script: ({ metadata }) =>
          metadata.name === "create" ? { createFailure: "no room" } : { startFailure: 'exec: "/x": not found' },
      },
    });
    await node.create("nope", {
      containers: [
        { ...APP, name: "create" },
        { ...APP, name: "start" },
      ],
    });
    const reasonOf = async (name: string): Promise<string | undefined> =>
      containerOf(await node.pod("nope"), name)?.state?.waiting?.reason;
    await node.until("create", async () => (await reasonOf("create")) === "CreateContainerError");
    await node.until("start", async () => (await reasonOf("start")) === "RunContainerError");
    expect(containerOf(await node.pod("nope"), "create")?.state?.waiting?.message).toBe("no room");
    expect((await node.events("nope")).map(({ message }) => message)).toContain('Error: exec: "/x": not found');
  });

  it("wait for an image that can not be pulled, and say so", async () => {
    let problem: string | undefined = "not found";
    const node = await start({ runtime: { pull: () => problem } });
    await node.create("pull", { containers: [{ ...APP, image: "registry.example/missing:1" }] });
    const waiting = async () => containerOf(await node.pod("pull"))?.state?.waiting;
    await node.until("failed pull", async () => (await waiting())?.reason === "ErrImagePull");
    await node.until("back-off", async () => (await waiting())?.reason === "ImagePullBackOff");
    expect((await waiting())?.message).toBe(
      'Back-off pulling image "registry.example/missing:1": ErrImagePull: rpc error: code = NotFound desc = not found',
    );
    problem = undefined;
    await node.until("running", isRunning(node, "pull"));
  });

  it("are started again with another image when the spec names one", async () => {
    const node = await start();
    await node.create("web", { containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    const patch = { type: "strategic", value: { spec: { containers: [{ name: "app", image: "app:2" }] } } } as const;
    await node.client.patch(PODS, { namespace: "default", name: "web" }, patch, SIGNAL);
    await node.until("new image", async () => containerOf(await node.pod("web"))?.image === "app:2");
    expect(containerOf(await node.pod("web"))).toMatchObject({ restartCount: 1, ready: true });
    expect((await node.events("web")).map(({ message }) => message)).toContain(
      "Container app definition changed, will be restarted",
    );
  });

  it("get a new sandbox when theirs is lost, and initialize again", async () => {
    const node = await start({
      runtime: { script: ({ metadata }) => (metadata.name === "init" ? { exitAfterMs: 10 } : {}) },
    });
    await node.create("web", { initContainers: [{ ...APP, name: "init" }], containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    const before = node.manager().directory.sandboxId("default", "web") ?? "";
    node.runtime.breakSandbox(before);
    await node.until("restarted", async () => {
      const app = containerOf(await node.pod("web"));
      return app?.state?.running !== undefined && app.restartCount === 1;
    });
    expect(node.manager().directory.sandboxId("default", "web")).not.toBe(before);
    expect(node.runtime.calls.filter((call) => call === "containers.start init")).toHaveLength(2);
  });
});

describe("init containers and sidecars", () => {
  it("start in order, sidecars staying, and stop in the reverse order", async () => {
    const node = await start({
      runtime: { script: ({ metadata }) => (metadata.name.startsWith("init") ? { exitAfterMs: 100 } : {}) },
    });
    await node.create("web", {
      initContainers: [
        { ...APP, name: "init-1" },
        { ...APP, name: "side-1", restartPolicy: "Always" },
        { ...APP, name: "init-2" },
        { ...APP, name: "side-2", restartPolicy: "Always" },
      ],
      containers: [APP],
    });
    await node.until("running", isRunning(node, "web"));
    const started = node.runtime.calls.filter((call) => call.startsWith("containers.start"));
    expect(started.map((call) => call.split(" ")[1])).toEqual(["init-1", "side-1", "init-2", "side-2", "app"]);
    expect(conditionOf(await node.pod("web"), "Initialized")).toBe("True");

    await node.client.delete(PODS, { namespace: "default", name: "web" }, SIGNAL);
    await node.until("gone", isGone(node, "web"));
    const stopped = node.runtime.calls.filter((call) => call.startsWith("containers.stop"));
    expect(stopped.map((call) => call.split(" ")[1])).toEqual(["app", "side-2", "side-1"]);
  });

  it("let a pod that runs once end although a sidecar would go on", async () => {
    const node = await start({
      runtime: { script: ({ metadata }) => (metadata.name === "app" ? { exitAfterMs: 500 } : {}) },
    });
    await node.create("job", {
      restartPolicy: "Never",
      initContainers: [{ ...APP, name: "side", restartPolicy: "Always" }],
      containers: [APP],
    });
    await node.until("succeeded", async () => (await node.status("job")).phase === "Succeeded");
  });

  it("fail the pod when one fails that is not restarted", async () => {
    const node = await start({ runtime: { script: () => ({ exitAfterMs: 10, exitCode: 1 }) } });
    await node.create("job", {
      restartPolicy: "Never",
      initContainers: [{ ...APP, name: "init" }],
      containers: [APP],
    });
    await node.until("failed", async () => (await node.status("job")).phase === "Failed");
    expect(node.runtime.calls).not.toContain("containers.start app");
    expect(containerOf(await node.pod("job"))?.state?.waiting?.reason).toBe("PodInitializing");
  });
});

describe("hooks and probes", () => {
  const output = (text: string, exitCode: number) => ({
    stdout: new TextEncoder().encode(text),
    stderr: new Uint8Array(),
    exitCode,
  });

  it("run postStart before the container counts as started, and preStop before it is stopped", async () => {
    const commands: string[] = [];
    const node = await start({
      runtime: {
        script: () => ({
          exec: (command) => {
            commands.push(command.join(" "));
            return output("", 0);
          },
        }),
      },
    });
    const lifecycle = { postStart: { exec: { command: ["after"] } }, preStop: { exec: { command: ["before"] } } };
    await node.create("web", { containers: [{ ...APP, lifecycle }] });
    await node.until("running", isRunning(node, "web"));
    expect(commands).toEqual(["after"]);
    await node.client.delete(PODS, { namespace: "default", name: "web" }, SIGNAL);
    await node.until("gone", isGone(node, "web"));
    expect(commands).toEqual(["after", "before"]);
  });

  it("kill a container whose postStart hook fails", async () => {
    const node = await start({ runtime: { script: () => ({ exec: () => output("no", 1) }) } });
    await node.create("web", { containers: [{ ...APP, lifecycle: { postStart: { exec: { command: ["after"] } } } }] });
    await node.until(
      "hook error",
      async () => containerOf(await node.pod("web"))?.state?.waiting?.reason === "PostStartHookError",
    );
    expect((await node.events("web")).map(({ reason }) => reason)).toContain("FailedPostStartHook");
  });

  it("make a container ready, unready and restart it", async () => {
    const health = { startup: 1, ready: 1, live: 0 };
    const node = await start({
      runtime: {
        script: () => ({
          exec: ([what]) => output("", health[what as keyof typeof health]),
        }),
      },
    });
    const probe = (what: string) => ({ exec: { command: [what] }, periodSeconds: 1, failureThreshold: 2 });
    await node.create("web", {
      containers: [
        {
          ...APP,
          startupProbe: { ...probe("startup"), failureThreshold: 1000 },
          readinessProbe: probe("ready"),
          livenessProbe: probe("live"),
        },
      ],
    });
    await node.until("running", isRunning(node, "web"));
    await node.pass(5_000);
    expect(containerOf(await node.pod("web"))).toMatchObject({ started: false, ready: false });

    health.startup = 0;
    await node.until("started", async () => containerOf(await node.pod("web"))?.started === true);
    expect(containerOf(await node.pod("web"))?.ready).toBe(false);
    health.ready = 0;
    await node.until("ready", async () => conditionOf(await node.pod("web"), "Ready") === "True");
    health.ready = 1;
    await node.until("unready", async () => conditionOf(await node.pod("web"), "Ready") === "False");
    health.live = 1;
    await node.until("restarted", async () => containerOf(await node.pod("web"))?.restartCount === 1);
    expect((await node.events("web")).map(({ message }) => message)).toContain(
      "Container app failed liveness probe, will be restarted",
    );
  });
});

describe("a kubelet that is killed and started again", () => {
  it("goes on with the same containers", async () => {
    const node = await start();
    await node.create("web", { containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    const before = containerOf(await node.pod("web"))?.containerID;
    const calls = node.runtime.calls.length;
    await node.restart();
    await node.until(
      "known again",
      () => node.manager().directory.container("default", "web", "app")?.running === true,
    );
    await node.pass(5_000);
    expect(containerOf(await node.pod("web"))).toMatchObject({ containerID: before, restartCount: 0, ready: true });
    expect(node.runtime.calls.length).toBe(calls);
  });

  it("ends what was deleted while it was away", async () => {
    const node = await start();
    await node.create("web", { containers: [APP] });
    await node.until("running", isRunning(node, "web"));
    node.runtime.setAway(true);
    await node.client.delete(PODS, { namespace: "default", name: "web" }, SIGNAL, { gracePeriodSeconds: 0 });
    await node.restart();
    await node.pass(3_000);
    node.runtime.setAway(false);
    await node.until("nothing left", async () => (await node.runtime.sandboxes.list({}, SIGNAL)).length === 0);
  });

  it("keeps going while the runtime is away, and catches up", async () => {
    const node = await start();
    node.runtime.setAway(true);
    await node.create("web", { containers: [APP] });
    await node.pass(20_000);
    expect((await node.status("web")).phase).toBe("Pending");
    node.runtime.setAway(false);
    await node.until("running", isRunning(node, "web"), 15_000);
  });
});

describe("what a pod needs before it runs", () => {
  it("waits for volumes and says which are missing", async () => {
    let problem: string | undefined = 'MountVolume.SetUp failed for volume "x" : configmap "x" not found';
    const node = await start({ volumeProblem: () => problem });
    await node.create("web", { containers: [APP] });
    await node.until("told", async () => (await node.events("web")).some(({ reason }) => reason === "FailedMount"));
    expect((await node.events("web")).find(({ reason }) => reason === "FailedMount")?.message).toBe(problem);
    await node.until(
      "creating",
      async () => containerOf(await node.pod("web"))?.state?.waiting?.reason === "ContainerCreating",
    );
    problem = undefined;
    await node.until("running", isRunning(node, "web"));
  });

  it("has the groups of its volumes, beside its own", async () => {
    const seen: (readonly number[])[] = [];
    const node = await start({
      volumeGroups: [777],
      runtime: {
        script(container, sandbox) {
          seen.push(sandbox.security.supplementalGroups, container.security.supplementalGroups);
          return {};
        },
      },
    });
    await node.create("web", { containers: [APP], securityContext: { fsGroup: 1, supplementalGroups: [2] } });
    await node.until("running", isRunning(node, "web"));
    expect(seen).toEqual([
      [1, 2, 777],
      [1, 2, 777],
    ]);
  });

  it("does not run without the user namespace it asked for", async () => {
    const node = await start();
    await node.create("web", { hostUsers: false, containers: [APP] });
    await node.until("told", async () =>
      (await node.events("web")).some(({ reason }) => reason === "FailedCreatePodSandBox"),
    );
    await node.pass(10_000);
    expect(node.runtime.calls).toEqual([]);
    const [event] = (await node.events("web")).filter(({ reason }) => reason === "FailedCreatePodSandBox");
    expect(event?.message).toBe(
      "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    );
  });

  it("fails for a RuntimeClass that does not exist", async () => {
    const node = await start();
    await node.client.create(
      { group: "node.k8s.io", version: "v1", resource: "runtimeclasses", kind: "RuntimeClass", namespaced: false },
      { metadata: { name: "odd" }, handler: "odd" } as never,
      SIGNAL,
    );
    await node.create("web", { runtimeClassName: "odd", containers: [APP] });
    await node.until("told", async () =>
      (await node.events("web")).some(
        ({ message }) => message?.includes('no runtime for "odd" is configured') === true,
      ),
    );
  });
});

describe("static pods", () => {
  const manifest = (image: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: core\nspec:\n  containers:\n  - name: app\n    image: ${image}\n`;
  const options = (manifests: Map<string, string>): PodNodeOptions => ({
    manifests,
    manager: { staticPodPath: "/manifests", fileCheckPeriodMs: 1_000 },
  });
  const mirror = `core-${NODE_NAME}`;

  it("run and are shown by a mirror that belongs to the node", async () => {
    const node = await start(options(new Map([["/manifests/core.yaml", manifest("app:1")]])));
    await node.until("mirror runs", isRunning(node, mirror));
    const pod = await node.pod(mirror);
    expect(pod?.metadata?.annotations).toMatchObject({ "kubernetes.io/config.source": "file" });
    expect(pod?.metadata?.annotations?.["kubernetes.io/config.mirror"]).toMatch(/^[0-9a-f]{32}$/u);
    expect(pod?.metadata?.ownerReferences).toMatchObject([{ kind: "Node", name: NODE_NAME, uid: "node-uid" }]);
    expect(node.manager().directory.podByUid(pod?.metadata?.uid ?? "")?.metadata?.name).toBe(mirror);
  });

  it("get their mirror back when somebody deletes it", async () => {
    const node = await start(options(new Map([["/manifests/core.yaml", manifest("app:1")]])));
    await node.until("mirror runs", isRunning(node, mirror));
    const before = (await node.pod(mirror))?.metadata?.uid;
    await node.client.delete(PODS, { namespace: "default", name: mirror }, SIGNAL);
    await node.until("new mirror", async () => {
      const pod = await node.pod(mirror);
      return pod !== undefined && pod.metadata?.uid !== before && pod.status?.phase === "Running";
    });
    expect(node.runtime.calls.filter((call) => call === "containers.start app")).toHaveLength(1);
  });

  it("are replaced when their file changes and end when it goes", async () => {
    const manifests = new Map([["/manifests/core.yaml", manifest("app:1")]]);
    const node = await start(options(manifests));
    await node.until("mirror runs", isRunning(node, mirror));
    manifests.set("/manifests/core.yaml", manifest("app:2"));
    await node.until("replaced", async () => containerOf(await node.pod(mirror))?.image === "app:2");
    manifests.set("/manifests/core.yaml", "kind: Pod\n  broken: [");
    await node.pass(5_000);
    expect(node.manager().directory.runningPods()).toHaveLength(1);
    manifests.clear();
    await node.until("mirror gone", isGone(node, mirror));
    await node.until("stopped", () => node.manager().directory.pods().length === 0);
  });
});
