import { Counter, Histogram, type Registry } from "prom-client";
import type { Clock } from "../../ports/clock.ts";
import type { Runtime } from "../../ports/container-runtime.ts";

/** What runtimes are asked for, as upstream names it. What is not here is not counted there either. */
const OPERATIONS = {
  sandboxes: {
    run: "run_podsandbox",
    stop: "stop_podsandbox",
    remove: "remove_podsandbox",
    status: "podsandbox_status",
    list: "list_podsandbox",
  },
  containers: {
    create: "create_container",
    start: "start_container",
    stop: "stop_container",
    remove: "remove_container",
    status: "container_status",
    list: "list_containers",
    reopenLog: "reopen_container_log",
  },
  streaming: { execSync: "exec_sync", execUrl: "exec", attachUrl: "attach", portForwardUrl: "port_forward" },
  checkpoints: { checkpoint: "checkpoint_container" },
  images: {
    status: "image_status",
    pull: "pull_image",
    list: "list_images",
    remove: "remove_image",
    filesystem: "image_fs_info",
  },
  observer: {
    version: "version",
    status: "status",
    cgroupDriver: "runtime_config",
    updatePodCidr: "update_runtime_config",
    containerStats: "list_container_stats",
  },
} as const satisfies { readonly [Service in keyof Runtime]: { readonly [Method in keyof Runtime[Service]]?: string } };

/** From 5 ms to half an hour, as upstream. */
const SECONDS = Array.from({ length: 14 }, (_, power) => 0.005 * 2.5 ** power);

/** The same runtime; every call is counted and timed under upstream's names. */
export function withOperationMetrics(runtime: Runtime, registry: Registry, clock: Pick<Clock, "monotonic">): Runtime {
  const registers = [registry];
  const labelNames = ["operation_type"] as const;
  const total = new Counter({
    name: "kubelet_runtime_operations_total",
    help: "[ALPHA] Cumulative number of runtime operations by operation type.",
    labelNames,
    registers,
  });
  const errors = new Counter({
    name: "kubelet_runtime_operations_errors_total",
    help: "[ALPHA] Cumulative number of runtime operation errors by operation type.",
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: "kubelet_runtime_operations_duration_seconds",
    help: "[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.",
    labelNames,
    buckets: SECONDS,
    registers,
  });

  const observed = async (operation: string, call: () => Promise<unknown>): Promise<unknown> => {
    const labels = { operation_type: operation };
    const begun = clock.monotonic();
    total.inc(labels);
    try {
      return await call();
    } catch (reason) {
      errors.inc(labels);
      throw reason;
    } finally {
      duration.observe(labels, (clock.monotonic() - begun) / 1_000);
    }
  };

  const counted = <Service extends keyof Runtime>(name: Service): Runtime[Service] => {
    const operations: Readonly<Record<string, string>> = OPERATIONS[name];
    return new Proxy(runtime[name], {
      get(service, method, receiver) {
        const original: unknown = Reflect.get(service, method, receiver);
        const operation = operations[String(method)];
        if (operation === undefined || typeof original !== "function") return original;
        return (...parameters: readonly unknown[]) =>
          observed(operation, () => Promise.resolve(Reflect.apply(original, service, parameters)));
      },
    });
  };
  return {
    sandboxes: counted("sandboxes"),
    containers: counted("containers"),
    streaming: counted("streaming"),
    checkpoints: counted("checkpoints"),
    images: counted("images"),
    observer: counted("observer"),
  };
}
