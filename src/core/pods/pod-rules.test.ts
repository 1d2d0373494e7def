import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Node, Pod } from "../../api/types.ts";
import { linuxResources, type NodeResources, oomScoreAdjustment } from "./container-resources.ts";
import { resolvePort } from "./container-port.ts";
import { deadlineOf } from "./deadline.ts";
import { checkRunAsNonRoot, effectiveSecurity } from "./effective-security.ts";
import { expandVariables } from "./expand-variables.ts";
import { admitToNode } from "./node-admission.ts";
import { NOW, podOf } from "./pods-for-tests.ts";
import { type BackoffEntry, CRASH_LOOP_BACKOFF, decideBackoff } from "./start-backoff.ts";
import { graceSecondsFor, stopsAfter } from "./termination.ts";

describe("expandVariables()", () => {
  const lookup = (name: string): string | undefined => ({ A: "1", "a.b-c": "2", EMPTY: "" })[name];
  it.each([
    ["$(A)", "1"],
    ["x$(A)y$(a.b-c)", "x1y2"],
    ["$(EMPTY)!", "!"],
    ["$(NOBODY)", "$(NOBODY)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$A ${A} $", "$A ${A} $"],
    ["$(A", "$(A"],
    ["$()", "$()"],
  ])("%s becomes %s", (text, expected) => expect(expandVariables(text, lookup)).toBe(expected));

  it("changes nothing in a text without a dollar sign", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll("$", "");
        expect(expandVariables(plain, () => "x")).toBe(plain);
      }),
    );
  });
});

describe("decideBackoff()", () => {
  it("tries at once, then after 10 s doubling to 5 min", () => {
    const waits: number[] = [];
    let entry: BackoffEntry | undefined;
    let now = NOW;
    for (let failure = 0; failure < 8; failure++) {
      const failedAt = now;
      let decision = decideBackoff(CRASH_LOOP_BACKOFF, entry, failedAt, now);
      if (decision.decision === "wait") {
        now = decision.until;
        decision = decideBackoff(CRASH_LOOP_BACKOFF, entry, failedAt, now);
      }
      waits.push((now - failedAt) / 1000);
      expect(decision.decision).toBe("try");
      if (decision.decision === "try") entry = decision.entry;
    }
    expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  it("forgets after 10 min of good running", () => {
    const entry = { delayMs: 300_000, lastTryAt: NOW };
    const failedAt = NOW + 600_001;
    expect(decideBackoff(CRASH_LOOP_BACKOFF, entry, failedAt, failedAt)).toMatchObject({
      decision: "try",
      entry: { delayMs: 10_000 },
    });
  });
});

describe("graceSecondsFor()", () => {
  const probe = { terminationGracePeriodSeconds: 5 };
  const spec = { terminationGracePeriodSeconds: 30, containers: [{ name: "app", livenessProbe: probe }] };
  it.each([
    ["the spec's", podOf(spec), undefined, 30],
    ["the probe's own", podOf(spec), "liveness-probe", 5],
    ["the deletion's, above all", podOf(spec, { deletionGracePeriodSeconds: 7 }), "liveness-probe", 7],
    ["the least, when nobody says", podOf(), undefined, 2],
  ] as const)("takes %s", (_, pod, reason, expected) => expect(graceSecondsFor(pod, "app", reason)).toBe(expected));
});

describe("stopsAfter()", () => {
  const pod = podOf({
    initContainers: [
      { name: "init" },
      { name: "s1", restartPolicy: "Always" },
      { name: "s2", restartPolicy: "Always" },
    ],
  });
  it("lets sidecars wait for the main containers and for later sidecars", () => {
    expect(stopsAfter(pod, "s1")).toEqual(["app", "s2"]);
    expect(stopsAfter(pod, "s2")).toEqual(["app"]);
    expect(stopsAfter(pod, "app")).toEqual([]);
    expect(stopsAfter(pod, "init")).toEqual([]);
  });
});

describe("deadlineOf()", () => {
  const pod = podOf({ activeDeadlineSeconds: 60 });
  it("counts from the start of the pod", () => {
    expect(deadlineOf(podOf(), "2026-01-01T00:00:00Z", NOW)).toEqual({ state: "none" });
    expect(deadlineOf(pod, "2026-01-01T00:00:00Z", NOW + 20_000)).toEqual({ state: "running", remainingMs: 40_000 });
    expect(deadlineOf(pod, "2026-01-01T00:00:00Z", NOW + 60_000).state).toBe("exceeded");
  });
});

describe("linuxResources()", () => {
  const node: NodeResources = {
    memoryBytes: 2 ** 30,
    cpuQuotaEnabled: true,
    cpuQuotaPeriod: 100_000,
    cgroupVersion: 1,
    singleProcessOomKill: true,
  };
  const of = (
    resources: NonNullable<Pod["spec"]>["containers"][number]["resources"],
    more: Partial<NodeResources> = {},
  ) => {
    const container = { name: "app", ...(resources !== undefined && { resources }) };
    return linuxResources(podOf({ containers: [container] }), container, { ...node, ...more });
  };

  it("gives the least of everything to who asks for nothing", () => {
    expect(of(undefined)).toEqual({ cpuShares: 2, cpuPeriod: 100_000, oomScoreAdj: 1000 });
  });
  it("turns requests into shares and limits into quota and bytes", () => {
    const resources = { requests: { cpu: "250m", memory: "256Mi" }, limits: { cpu: "1500m", memory: "512Mi" } };
    expect(of(resources)).toEqual({
      cpuShares: 256,
      cpuPeriod: 100_000,
      cpuQuota: 150_000,
      memoryLimitBytes: 512 * 2 ** 20,
      oomScoreAdj: 750,
    });
  });
  it("takes the limit for a request that is not set, and never less than the kernel's smallest quota", () => {
    expect(of({ limits: { cpu: "1m" } })).toMatchObject({ cpuShares: 2, cpuQuota: 1000 });
  });
  it("sets no quota where CPU limits are not enforced", () => {
    expect(of({ limits: { cpu: "1" } }, { cpuQuotaEnabled: false })).not.toHaveProperty("cpuQuota");
  });
  it("kills whole containers on cgroup v2 unless told otherwise", () => {
    expect(of({}, { cgroupVersion: 2, singleProcessOomKill: false }).unified).toEqual({ "memory.oom.group": "1" });
    expect(of({}, { cgroupVersion: 2 })).not.toHaveProperty("unified");
  });
  it("keeps burstable pods between guaranteed and best effort", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (memory) => {
        const container = { name: "app", resources: { requests: { memory: String(memory) } } };
        const score = oomScoreAdjustment(podOf({ containers: [container] }), container, 2 ** 30);
        expect(score).toBeGreaterThanOrEqual(3);
        expect(score).toBeLessThan(1000);
      }),
    );
  });
});

describe("runAsNonRoot", () => {
  const pod = podOf({ securityContext: { runAsNonRoot: true } });
  const container = { name: "app" };
  const where = '(pod: "web_default(uid-1)", container: app)';
  it("is inherited from the pod and overridden by the container", () => {
    expect(effectiveSecurity(pod, container).runAsNonRoot).toBe(true);
    expect(effectiveSecurity(pod, { ...container, securityContext: { runAsNonRoot: false } }).runAsNonRoot).toBe(false);
  });
  it.each([
    [
      "runAsUser 0",
      { securityContext: { runAsUser: 0 } },
      { username: "" },
      `container's runAsUser breaks non-root policy ${where}`,
    ],
    ["runAsUser 1000", { securityContext: { runAsUser: 1000 } }, { uid: 0, username: "" }, undefined],
    [
      "an image of root",
      {},
      { uid: 0, username: "" },
      `container has runAsNonRoot and image will run as root ${where}`,
    ],
    [
      "an image with a named user",
      {},
      { username: "www" },
      `container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root ${where}`,
    ],
    ["an image with a number", {}, { uid: 100, username: "" }, undefined],
  ])("%s", (_, changes, user, reason) => {
    const result = checkRunAsNonRoot(pod, { ...container, ...changes }, user);
    expect(result.ok ? undefined : result.reason).toBe(reason);
  });
});

describe("resolvePort()", () => {
  const container = { name: "app", ports: [{ name: "web", containerPort: 8080 }] };
  it.each([
    [80, 80],
    ["web", 8080],
    ["81", 81],
    ["dns", `couldn't find port: "dns" in container "app"`],
    [0, "invalid port number: 0"],
    [65_536, "invalid port number: 65536"],
  ])("%s gives %s", (port, expected) => {
    const result = resolvePort(port, container);
    expect(result.ok ? result.value : result.reason).toBe(expected);
  });
});

describe("admitToNode()", () => {
  const node: Node = {
    metadata: { name: "n", labels: { "kubernetes.io/os": "linux", zone: "a" } },
    status: { allocatable: { cpu: "2", memory: "1Gi", pods: "2" } },
  };
  const asking = (cpu: string): Pod => podOf({ containers: [{ name: "app", resources: { requests: { cpu } } }] });
  const cases: readonly [string, Pod, Node, readonly Pod[], string | undefined][] = [
    ["fits", asking("2"), node, [], undefined],
    ["CPU is used up", asking("1500m"), node, [asking("1")], "OutOfcpu"],
    ["too many pods", podOf(), node, [podOf(), podOf()], "OutOfpods"],
    ["another node selector", podOf({ nodeSelector: { zone: "b" } }), node, [], "NodeAffinity"],
    ["another operating system", podOf({ os: { name: "windows" } }), node, [], "PodOSNotSupported"],
    ["what the node can not", podOf({ hostNetwork: true, hostUsers: false }), node, [], "PodFeatureUnsupported"],
    [
      "an extended resource of the cluster",
      podOf({ containers: [{ name: "app", resources: { requests: { "x.com/gpu": "1" } } }] }),
      node,
      [],
      undefined,
    ],
    [
      "a NoExecute taint",
      podOf(),
      { ...node, spec: { taints: [{ key: "k", effect: "NoExecute" }] } },
      [],
      "TaintToleration",
    ],
    [
      "a NoExecute taint and a static pod",
      podOf({}, { annotations: { "kubernetes.io/config.source": "file" } }),
      { ...node, spec: { taints: [{ key: "k", effect: "NoExecute" }] } },
      [],
      undefined,
    ],
    [
      "a host port in use",
      podOf({ containers: [{ name: "app", ports: [{ containerPort: 80, hostPort: 80 }] }] }),
      node,
      [podOf({ containers: [{ name: "app", ports: [{ containerPort: 81, hostPort: 80 }] }] })],
      "NodePorts",
    ],
  ];
  for (const [title, pod, target, others, reason] of cases) {
    it(`${title}: ${reason ?? "admitted"}`, () => {
      const verdict = admitToNode(pod, target, others);
      expect(verdict.admitted ? undefined : verdict.reason).toBe(reason);
    });
  }

  it("gives the numbers", () => {
    expect(admitToNode(asking("1500m"), node, [asking("1")])).toMatchObject({
      message: "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
    });
  });
});
