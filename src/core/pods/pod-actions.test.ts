import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container, Pod } from "../../api/types.ts";
import type { ProbeVerdicts } from "./container-kill.ts";
import { computePodActions, type PodActions } from "./pod-actions.ts";
import { type ContainerAttempt, NOTHING_RUNNING, type PodRuntime } from "./pod-runtime.ts";
import { attempt, podOf, runtimeOf, sandbox } from "./pods-for-tests.ts";

const QUIET: ProbeVerdicts = { liveness: () => undefined, startup: () => undefined };
const failing = (kind: "liveness" | "startup", id: string): ProbeVerdicts => ({
  ...QUIET,
  [kind]: (candidate: string) => (candidate === id ? "failure" : undefined),
});
const INIT: Container = { name: "init", image: "app:1" };
const SIDE: Container = { name: "side", image: "app:1", restartPolicy: "Always" };
const exited = (name: string, exitCode: number, more: Partial<ContainerAttempt> = {}): ContainerAttempt =>
  attempt(name, { state: "exited", exitCode, reason: exitCode === 0 ? "Completed" : "Error", ...more });

interface Case {
  readonly title: string;
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly probes?: ProbeVerdicts;
  readonly expected: Partial<PodActions>;
}

const start = (...names: readonly string[]): PodActions["start"] =>
  names.map((name) => ({
    kind:
      name.startsWith("init") || name.startsWith("side")
        ? "init"
        : name.startsWith("debug")
          ? "ephemeral"
          : "container",
    name,
  }));

const CASES: readonly Case[] = [
  {
    title: "a new pod gets a sandbox and its containers",
    pod: podOf({ containers: [{ name: "a" }, { name: "b" }] }),
    runtime: NOTHING_RUNNING,
    expected: { killPod: true, createSandbox: { attempt: 0 }, start: start("a", "b") },
  },
  {
    title: "a new pod with init containers starts the first of them only",
    pod: podOf({ initContainers: [INIT, { ...INIT, name: "init-2" }] }),
    runtime: NOTHING_RUNNING,
    expected: { createSandbox: { attempt: 0 }, start: start("init") },
  },
  {
    title: "a pod that runs as it should is left alone",
    pod: podOf(),
    runtime: runtimeOf([attempt("app")]),
    expected: { killPod: false, start: [], kill: [] },
  },
  {
    title: "a dead sandbox is replaced and everything starts again",
    pod: podOf(),
    runtime: runtimeOf([exited("app", 137)], [sandbox({ ready: false, attempt: 3 })]),
    expected: { killPod: true, createSandbox: { attempt: 4, replaces: "sandbox-0" }, start: start("app") },
  },
  {
    title: "two ready sandboxes are one too many",
    pod: podOf(),
    runtime: runtimeOf([], [sandbox({ id: "new", attempt: 1 }), sandbox()]),
    expected: { killPod: true, createSandbox: { attempt: 2, replaces: "new" } },
  },
  {
    title: "a sandbox without an address is replaced",
    pod: podOf(),
    runtime: runtimeOf([], [sandbox({ ips: [] })]),
    expected: { createSandbox: { attempt: 1, replaces: "sandbox-0" } },
  },
  {
    title: "on the host's network a sandbox needs no address",
    pod: podOf({ hostNetwork: true }),
    runtime: runtimeOf([attempt("app")], [sandbox({ ips: [] })]),
    expected: { killPod: false, start: [] },
  },
  {
    title: "a pod that runs once gets no second sandbox",
    pod: podOf({ restartPolicy: "Never" }),
    runtime: runtimeOf([exited("app", 137)], [sandbox({ ready: false })]),
    expected: { killPod: true, start: [] },
  },
  {
    title: "a pod that runs once is tried again as long as nothing of it ever ran",
    pod: podOf({ restartPolicy: "Never" }),
    runtime: runtimeOf([], [sandbox({ ready: false })]),
    expected: { createSandbox: { attempt: 1, replaces: "sandbox-0" }, start: start("app") },
  },
  {
    title: "with OnFailure, what succeeded is not repeated in a new sandbox",
    pod: podOf({ restartPolicy: "OnFailure", containers: [{ name: "a" }, { name: "b" }] }),
    runtime: runtimeOf([exited("a", 0), exited("b", 1)], [sandbox({ ready: false })]),
    expected: { createSandbox: { attempt: 1, replaces: "sandbox-0" }, start: start("b") },
  },
  {
    title: "with OnFailure, a pod of which all succeeded gets no new sandbox",
    pod: podOf({ restartPolicy: "OnFailure" }),
    runtime: runtimeOf([exited("app", 0)], [sandbox({ ready: false })]),
    expected: { killPod: true, start: [] },
  },
  ...(
    [
      ["Always", 0, true],
      ["Always", 1, true],
      ["OnFailure", 0, false],
      ["OnFailure", 1, true],
      ["Never", 0, false],
      ["Never", 1, false],
    ] as const
  ).map(
    ([restartPolicy, exitCode, again]): Case => ({
      title: `restartPolicy ${restartPolicy} and exit code ${exitCode}`,
      pod: podOf({ restartPolicy }),
      runtime: runtimeOf([exited("app", exitCode)]),
      expected: again ? { killPod: false, start: start("app") } : { killPod: true, start: [] },
    }),
  ),
  {
    title: "a container's own restart policy wins over the pod's",
    pod: podOf({
      restartPolicy: "Never",
      containers: [{ name: "app", image: "app:1", restartPolicy: "OnFailure" }],
    }),
    runtime: runtimeOf([exited("app", 1)]),
    expected: { start: start("app") },
  },
  {
    title: "a restart rule for the exit code wins over the container's policy",
    pod: podOf({
      containers: [
        {
          name: "app",
          image: "app:1",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        },
      ],
    }),
    runtime: runtimeOf([exited("app", 42)]),
    expected: { start: start("app") },
  },
  {
    title: "nothing is restarted in a pod that is being deleted",
    pod: podOf({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    runtime: runtimeOf([exited("app", 1)]),
    expected: { killPod: true, start: [] },
  },
  {
    title: "a container whose image changed is killed and started again, whatever the policy",
    pod: podOf({ restartPolicy: "Never", containers: [{ name: "app", image: "app:2" }] }),
    runtime: runtimeOf([attempt("app")]),
    expected: {
      kill: [
        {
          id: "app-0",
          name: "app",
          reason: "definition-changed",
          message: "Container app definition changed, will be restarted",
        },
      ],
      start: start("app"),
    },
  },
  {
    title: "a container made by another kubelet is taken as it is",
    pod: podOf({ containers: [{ name: "app", image: "app:2" }] }),
    runtime: runtimeOf([attempt("app", { hash: "" })]),
    expected: { kill: [], start: [] },
  },
  {
    title: "a failed liveness probe restarts the container",
    pod: podOf(),
    runtime: runtimeOf([attempt("app")]),
    probes: failing("liveness", "app-0"),
    expected: {
      kill: [
        {
          id: "app-0",
          name: "app",
          reason: "liveness-probe",
          message: "Container app failed liveness probe, will be restarted",
        },
      ],
      start: start("app"),
    },
  },
  {
    title: "with Never a failed startup probe kills the container, and with it the pod's last",
    pod: podOf({ restartPolicy: "Never" }),
    runtime: runtimeOf([attempt("app")]),
    probes: failing("startup", "app-0"),
    expected: { killPod: true, start: [] },
  },
  {
    title: "a container in an unknown state is killed before it is started again",
    pod: podOf(),
    runtime: runtimeOf([attempt("app", { state: "unknown" })]),
    expected: {
      kill: [
        {
          id: "app-0",
          name: "app",
          reason: "unknown-state",
          message: 'Container is in "unknown" state, try killing it before restart',
        },
      ],
      start: start("app"),
    },
  },
  {
    title: "the next init container follows the one that succeeded",
    pod: podOf({ initContainers: [INIT, { ...INIT, name: "init-2" }] }),
    runtime: runtimeOf([exited("init", 0)]),
    expected: { start: start("init-2") },
  },
  {
    title: "the main containers follow the last init container",
    pod: podOf({ initContainers: [INIT] }),
    runtime: runtimeOf([exited("init", 0)]),
    expected: { start: start("app") },
  },
  {
    title: "an init container that failed is repeated",
    pod: podOf({ initContainers: [INIT] }),
    runtime: runtimeOf([exited("init", 1)]),
    expected: { start: start("init") },
  },
  {
    title: "an init container that ran out of memory has failed although its exit code is 0",
    pod: podOf({ restartPolicy: "OnFailure", initContainers: [INIT] }),
    runtime: runtimeOf([exited("init", 0, { reason: "OOMKilled" })]),
    expected: { killPod: true, start: [] },
  },
  {
    title: "with Never an init container that failed ends the pod",
    pod: podOf({ restartPolicy: "Never", initContainers: [INIT] }),
    runtime: runtimeOf([exited("init", 1)]),
    expected: { killPod: true, start: [] },
  },
  {
    title: "while an init container runs everybody waits",
    pod: podOf({ initContainers: [INIT] }),
    runtime: runtimeOf([attempt("init")]),
    expected: { killPod: false, start: [] },
  },
  {
    title: "a sidecar that runs lets the next one start",
    pod: podOf({ initContainers: [SIDE, { ...INIT, name: "init-2" }] }),
    runtime: runtimeOf([attempt("side")]),
    expected: { start: start("init-2") },
  },
  {
    title: "a sidecar with a startup probe is waited for",
    pod: podOf({ initContainers: [{ ...SIDE, startupProbe: { exec: { command: ["true"] } } }] }),
    runtime: runtimeOf([attempt("side")]),
    expected: { start: [] },
  },
  {
    title: "a sidecar that ended is restarted after initialization, the init containers are not",
    pod: podOf({ initContainers: [INIT, SIDE] }),
    runtime: runtimeOf([exited("side", 0), attempt("app")]),
    expected: { killPod: false, start: start("side") },
  },
  {
    title: "sidecars do not keep a pod alive whose main containers are done",
    pod: podOf({ restartPolicy: "Never", initContainers: [SIDE] }),
    runtime: runtimeOf([attempt("side"), exited("app", 0)]),
    expected: { killPod: true, start: [] },
  },
  {
    title: "an ephemeral container starts once",
    pod: podOf({
      ephemeralContainers: [
        { name: "debug", image: "app:1" },
        { name: "debug-2", image: "app:1" },
      ],
    }),
    runtime: runtimeOf([attempt("app"), exited("debug", 0)]),
    expected: { start: start("debug-2") },
  },
  {
    title: "an ephemeral container starts while init containers are at work",
    pod: podOf({ initContainers: [INIT], ephemeralContainers: [{ name: "debug", image: "app:1" }] }),
    runtime: runtimeOf([attempt("init")]),
    expected: { start: start("debug") },
  },
];

describe("computePodActions()", () => {
  for (const { title, pod, runtime, probes, expected } of CASES) {
    it(title, () => {
      const actions = computePodActions(pod, runtime, probes ?? QUIET);
      expect(actions).toMatchObject(expected);
      if (!("createSandbox" in expected)) expect(actions.createSandbox).toBeUndefined();
    });
  }
});

/** What becomes of a container that is started in the model below: each attempt's exit code, the last one stays up. */
type Script = readonly number[];

/** Carries out actions on a runtime state the way a runtime would, one container at a time. */
function perform(runtime: PodRuntime, actions: PodActions, scripts: ReadonlyMap<string, Script>): PodRuntime {
  let { sandboxes, containers } = runtime;
  if (actions.killPod) {
    sandboxes = sandboxes.map((one) => ({ ...one, ready: false }));
    containers = containers.map(end);
  }
  const killed = new Set(actions.kill.map(({ id }) => id));
  containers = containers.map((one) => (killed.has(one.id) ? end(one) : one));
  if (actions.createSandbox !== undefined) {
    const number = actions.createSandbox.attempt;
    sandboxes = [sandbox({ id: `sandbox-${number}`, attempt: number }), ...sandboxes];
    // With a new sandbox initialization begins anew.
    const kept = new Set(actions.start.filter(({ kind }) => kind === "init").map(({ name }) => name));
    containers = containers.filter(({ name }) => kept.size === 0 || !name.startsWith("i"));
  }
  for (const { name } of actions.start) {
    const number = (containers.find((one) => one.name === name)?.attempt ?? -1) + 1;
    const exitCode = scripts.get(name)?.[number];
    const made = attempt(name, {
      attempt: number,
      hash: "",
      sandboxId: sandboxes[0]?.id ?? "",
      ...(exitCode !== undefined && { state: "exited", exitCode }),
    });
    containers = [made, ...containers];
  }
  return { sandboxes, containers };
}

function end(one: ContainerAttempt): ContainerAttempt {
  return one.state === "exited" ? one : { ...one, state: "exited", exitCode: 143 };
}

describe("computePodActions(), applied until it is quiet", () => {
  const script = fc.array(fc.constantFrom(0, 1), { maxLength: 3 });
  const plan = fc.record({
    restartPolicy: fc.constantFrom("Always", "OnFailure", "Never"),
    init: fc.array(fc.record({ sidecar: fc.boolean(), script }), { maxLength: 3 }),
    main: fc.array(script, { minLength: 1, maxLength: 3 }),
    /** After how many rounds the sandbox dies, once. */
    accident: fc.option(fc.nat(6), { nil: undefined }),
  });

  it("comes to rest where the spec wants the pod, whatever its containers do", () => {
    fc.assert(
      fc.property(plan, ({ restartPolicy, init, main, accident }) => {
        const scripts = new Map<string, Script>();
        const initContainers = init.map(({ sidecar, script }, index): Container => {
          const name = `i${index}`;
          // An init container that never ends would be a pod that never starts: it succeeds in the end.
          scripts.set(name, sidecar ? script : [...script, 0]);
          return { name, image: "app:1", ...(sidecar && { restartPolicy: "Always" }) };
        });
        const containers = main.map((script, index): Container => {
          scripts.set(`m${index}`, script);
          return { name: `m${index}`, image: "app:1" };
        });
        const pod = podOf({ restartPolicy, initContainers, containers });
        let runtime = NOTHING_RUNNING;
        let quiet = false;
        for (let round = 0; round < 60 && !quiet; round++) {
          if (round === accident) {
            runtime = {
              sandboxes: runtime.sandboxes.map((one) => ({ ...one, ready: false })),
              containers: runtime.containers.map(end),
            };
          }
          const actions = computePodActions(pod, runtime, QUIET);
          const alive = runtime.containers.some(({ state }) => state === "running");
          const idle = actions.start.length === 0 && actions.kill.length === 0 && actions.createSandbox === undefined;
          quiet = idle && (!actions.killPod || !alive) && (accident === undefined || round > accident);
          if (!quiet) runtime = perform(runtime, actions, scripts);
        }
        expect(quiet).toBe(true);

        const newest = (name: string): ContainerAttempt | undefined =>
          runtime.containers.find((one) => one.name === name);
        const attempts = runtime.containers.filter(({ state }) => state === "running");
        // Never two of the same at once.
        expect(new Set(attempts.map(({ name }) => name)).size).toBe(attempts.length);
        const mains = containers.map(({ name }) => newest(name));
        if (restartPolicy === "Always") {
          expect(mains.every((one) => one?.state === "running")).toBe(true);
          const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
          expect(sidecars.every(({ name }) => newest(name)?.state === "running")).toBe(true);
        }
        if (restartPolicy === "OnFailure") {
          expect(mains.every((one) => one?.state === "running" || one?.exitCode === 0)).toBe(true);
        }
        if (restartPolicy === "Never") {
          expect(
            runtime.containers.filter(({ name }) => name.startsWith("m")).every(({ attempt }) => attempt === 0),
          ).toBe(true);
        }
        // A main container only ever starts after all init containers have been started.
        if (mains.some((one) => one !== undefined) && accident === undefined) {
          expect(initContainers.every(({ name }) => newest(name) !== undefined)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
