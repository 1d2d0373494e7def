import { describe, expect, it } from "vitest";
import type { Pod, PodStatus } from "../../api/types.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { createProbeMetrics } from "../metrics/probe-metrics.ts";
import { createProbeManager } from "./probe-manager.ts";
import type { ProbeOutcome } from "./probe-runner.ts";

const POD: Pod = {
  metadata: { name: "web", namespace: "shop", uid: "u1" },
  spec: {
    containers: [{ name: "main", image: "i", livenessProbe: { exec: { command: ["true"] }, periodSeconds: 10 } }],
  },
};
const STATUS: PodStatus = {
  phase: "Running",
  containerStatuses: [
    {
      name: "main",
      image: "i",
      imageID: "",
      ready: true,
      started: true,
      restartCount: 0,
      containerID: "containerd://c1",
      state: { running: { startedAt: "1970-01-01T00:00:00Z" } },
    },
  ],
};

describe("createProbeManager()", () => {
  it("counts what probes say at /metrics/probes, until the pod is gone", async () => {
    const clock = createFakeClock();
    const metrics = createProbeMetrics(1_700_000_000);
    const outcomes: ProbeOutcome[] = [
      { result: "success", output: "" },
      { result: "failure", output: "" },
      { result: "error", output: "the runtime is away" },
    ];
    const probes = createProbeManager({
      clock,
      random: seededRandom(1),
      log: quietLog(),
      events: { record: () => undefined },
      runner: { run: async () => outcomes.shift() ?? { result: "success", output: "" } },
      lookUp: () => ({ pod: POD, status: STATUS }),
      observe: metrics.observe,
    });
    const life = new AbortController();
    probes.add(POD, life.signal);
    for (let tries = 0; tries < 3; tries++) {
      await clock.untilSleepers(1);
      await clock.advance(10_000);
    }
    await clock.untilSleepers(1);
    const labels = 'probe_type="Liveness",container="main",pod="web",namespace="shop"';
    const text = await metrics.registry.metrics();
    expect(text).toContain(`prober_probe_total{${labels},pod_uid="u1",result="successful"} 2`);
    expect(text).toContain(`prober_probe_total{${labels},pod_uid="u1",result="failed"} 1`);
    expect(text).toContain(`prober_probe_duration_seconds_count{${labels}} 2`);
    expect(text).toContain("process_start_time_seconds 1700000000");
    probes.remove("u1");
    await clock.advance(0);
    expect(await metrics.registry.metrics()).not.toContain('pod="web"');
    life.abort();
  });
});
