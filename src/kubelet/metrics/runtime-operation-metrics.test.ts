import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createMemoryRuntime } from "../../adapters/memory/runtime.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { withOperationMetrics } from "./runtime-operation-metrics.ts";

const SIGNAL = new AbortController().signal;

it("counts what the runtime is asked, what it refuses, and how long it takes", async () => {
  const clock = createFakeClock(0);
  const registry = new Registry();
  const runtime = withOperationMetrics(createMemoryRuntime({ clock }), registry, clock);
  await runtime.observer.version(SIGNAL);
  await runtime.containers.list({}, SIGNAL);
  await runtime.containers.list({}, SIGNAL);
  await expect(runtime.containers.start("absent", SIGNAL)).rejects.toThrow();
  const text = await registry.metrics();
  expect(text).toContain('kubelet_runtime_operations_total{operation_type="version"} 1');
  expect(text).toContain('kubelet_runtime_operations_total{operation_type="list_containers"} 2');
  expect(text).toContain('kubelet_runtime_operations_errors_total{operation_type="start_container"} 1');
  expect(text).not.toContain('kubelet_runtime_operations_errors_total{operation_type="version"}');
  expect(text).toContain('kubelet_runtime_operations_duration_seconds_count{operation_type="start_container"} 1');
});
