import { Histogram, type Registry } from "prom-client";
import { CsiFailure, type CsiNode } from "../../ports/csi.ts";
import type { Clock } from "../../ports/clock.ts";

/** How a call to a driver ended. */
export interface CsiOperation {
  readonly driver: string;
  /** e.g. "/csi.v1.Node/NodePublishVolume" */
  readonly method: string;
  /** e.g. "OK", "DeadlineExceeded" */
  readonly status: string;
  readonly seconds: number;
}

export type ObserveCsi = (operation: CsiOperation) => void;

const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

/** csi_operations_seconds, as upstream. */
export function createCsiMetrics(registry: Registry): ObserveCsi {
  const seconds = new Histogram({
    name: "csi_operations_seconds",
    help: "[ALPHA] Container Storage Interface operation duration with gRPC error code status total",
    labelNames: ["driver_name", "method_name", "grpc_status_code", "migrated"] as const,
    buckets: BUCKETS,
    registers: [registry],
  });
  return (operation) =>
    seconds.observe(
      {
        driver_name: operation.driver,
        method_name: operation.method,
        grpc_status_code: operation.status,
        migrated: "false",
      },
      operation.seconds,
    );
}

/** The same node service, with every call told. */
export function observedNode(node: CsiNode, driver: string, observe: ObserveCsi, clock: Clock): CsiNode {
  const told = async <T>(method: string, work: () => Promise<T>): Promise<T> => {
    const begun = clock.monotonic();
    let status = "OK";
    try {
      return await work();
    } catch (reason) {
      status = reason instanceof CsiFailure ? reason.status : "Unknown";
      throw reason;
    } finally {
      observe({ driver, method: `/csi.v1.Node/${method}`, status, seconds: (clock.monotonic() - begun) / 1_000 });
    }
  };
  return {
    capabilities: (signal) => told("NodeGetCapabilities", () => node.capabilities(signal)),
    stage: (request, signal) => told("NodeStageVolume", () => node.stage(request, signal)),
    unstage: (request, signal) => told("NodeUnstageVolume", () => node.unstage(request, signal)),
    publish: (request, signal) => told("NodePublishVolume", () => node.publish(request, signal)),
    unpublish: (request, signal) => told("NodeUnpublishVolume", () => node.unpublish(request, signal)),
    statistics: (request, signal) => told("NodeGetVolumeStats", () => node.statistics(request, signal)),
    expand: (request, signal) => told("NodeExpandVolume", () => node.expand(request, signal)),
  };
}
