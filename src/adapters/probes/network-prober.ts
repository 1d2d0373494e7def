import type { NetworkProber } from "../../ports/network-prober.ts";
import { grpcProbe } from "./grpc-probe.ts";
import { httpProbe } from "./http-probe.ts";
import { tcpProbe } from "./tcp-probe.ts";

/** @param options.userAgent of gRPC probes, e.g. "kube-probe/1.36" */
export function createNetworkProber(options: { readonly userAgent: string }): NetworkProber {
  return {
    http: httpProbe,
    tcp: tcpProbe,
    grpc: (target, timeoutMs, signal) => grpcProbe(target, options.userAgent, timeoutMs, signal),
  };
}
