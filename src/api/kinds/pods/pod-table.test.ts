import { describe, expect, it } from "vitest";
import { row } from "../kinds-for-tests.ts";
import { podKind } from "./pods.ts";

type Json = Readonly<Record<string, unknown>>;

const two = { containers: [{ name: "a" }, { name: "b" }] };
const withInit = { ...two, initContainers: [{ name: "i" }, { name: "s", restartPolicy: "Always" }] };
const running = { ready: true, restartCount: 0, state: { running: {} } };
const ended = (exitCode: number, more: Json = {}): Json => ({
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, ...more } },
});
const READY = { type: "Ready", status: "True" };
const INITIALIZED = { type: "Initialized", status: "True" };

function shown(spec: Json, status: Json, metadata: Json = {}): readonly unknown[] {
  const cells = row(podKind, { metadata: { name: "p", ...metadata }, spec, status });
  return [cells["Ready"], cells["Status"], cells["Restarts"]];
}

describe("kubectl get pods", () => {
  it.each<[string, Json, Json, readonly unknown[]]>([
    ["its phase", two, { phase: "Pending" }, ["0/2", "Pending", "0"]],
    ["a reason rather than the phase", two, { phase: "Failed", reason: "Evicted" }, ["0/2", "Evicted", "0"]],
    [
      "ready containers and all restarts",
      two,
      {
        phase: "Running",
        containerStatuses: [
          { name: "a", ...running, restartCount: 2 },
          { name: "b", ...running, restartCount: 1 },
        ],
      },
      ["2/2", "Running", "3"],
    ],
    [
      "what the first container waits for",
      two,
      {
        containerStatuses: [
          { name: "a", state: { waiting: { reason: "CrashLoopBackOff" } }, restartCount: 0 },
          { name: "b", ...ended(1, { reason: "Error" }) },
        ],
      },
      ["0/2", "CrashLoopBackOff", "0"],
    ],
    [
      "signals and exit codes without reason",
      two,
      {
        containerStatuses: [
          { name: "a", ...ended(137, { signal: 9 }) },
          { name: "b", ...ended(3) },
        ],
      },
      ["0/2", "Signal:9", "0"],
    ],
    [
      "that the rest runs when one is completed",
      two,
      {
        conditions: [READY],
        containerStatuses: [
          { name: "a", ...ended(0, { reason: "Completed" }) },
          { name: "b", ...running },
        ],
      },
      ["1/2", "Running", "0"],
    ],
    [
      "that the rest is not ready when one is completed",
      two,
      {
        containerStatuses: [
          { name: "a", ...ended(0, { reason: "Completed" }) },
          { name: "b", ...running },
        ],
      },
      ["1/2", "NotReady", "0"],
    ],
    [
      "an error behind a completed container",
      two,
      {
        containerStatuses: [
          { name: "a", ...ended(0, { reason: "Completed" }) },
          { name: "b", ...ended(1, { reason: "Error" }) },
        ],
      },
      ["0/2", "Error", "0"],
    ],
    [
      "how far initialization is",
      withInit,
      {
        initContainerStatuses: [
          { name: "i", restartCount: 3, state: { running: {} } },
          { name: "s", restartCount: 9 },
        ],
      },
      ["0/3", "Init:0/2", "3"],
    ],
    [
      "why initialization failed",
      withInit,
      { initContainerStatuses: [{ name: "i", ...ended(2) }] },
      ["0/3", "Init:ExitCode:2", "0"],
    ],
    [
      "sidecars with the containers, without restarts of finished init containers",
      withInit,
      {
        phase: "Running",
        conditions: [INITIALIZED],
        initContainerStatuses: [
          { name: "i", ...ended(0), restartCount: 5 },
          { name: "s", ...running, started: true, restartCount: 1 },
        ],
        containerStatuses: [
          { name: "a", ...running },
          { name: "b", ...running, ready: false },
        ],
      },
      ["2/3", "Running", "1"],
    ],
    [
      "that it may not be scheduled",
      two,
      { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      ["0/2", "SchedulingGated", "0"],
    ],
  ])("shows %s", (_what, spec, status, cells) => {
    expect(shown(spec, status)).toEqual(cells);
  });

  it("shows when it last restarted", () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: "2025-12-31T23:55:00Z" } };
    const status = { phase: "Running", containerStatuses: [{ name: "a", ...running, restartCount: 2, lastState }] };
    expect(shown({ containers: [{ name: "a" }] }, status)).toEqual(["1/1", "Running", "2 (5m ago)"]);
  });

  it("shows that it is going, unless it has ended or its node is lost", () => {
    const deleted = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    expect(shown(two, { phase: "Running" }, deleted)[1]).toBe("Terminating");
    expect(shown(two, { phase: "Succeeded" }, deleted)[1]).toBe("Succeeded");
    expect(shown(two, { phase: "Running", reason: "NodeLost" }, deleted)[1]).toBe("Unknown");
  });

  it("shows where it is, with -o wide", () => {
    const spec = { ...two, nodeName: "n", readinessGates: [{ conditionType: "x" }, { conditionType: "y" }] };
    const status = { podIPs: [{ ip: "10.0.0.1" }], conditions: [{ type: "x", status: "True" }] };
    expect(row(podKind, { spec, status })).toMatchObject({
      IP: "10.0.0.1",
      Node: "n",
      "Nominated Node": "<none>",
      "Readiness Gates": "1/2",
    });
  });
});
