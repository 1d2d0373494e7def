export interface HttpProbe {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** With its query; "" means "/". */
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Sent unless the headers name another, e.g. "kube-probe/1.36". */
  readonly userAgent: string;
}

export interface ProbeAnswer {
  /** "warning" counts as success and is worth telling. */
  readonly result: "success" | "failure" | "warning";
  /** What came back, or why nothing did. */
  readonly output: string;
  /** Of an HTTP answer. */
  readonly status?: number;
}

/**
 * Asks a workload over the network whether it is well. Whatever the other side does is an answer, within the time given;
 * only an aborted signal rejects. Certificates are not verified: a probe asks about health, not about identity.
 */
export interface NetworkProber {
  /** Follows redirects on the same host; a redirect elsewhere ends with a warning. */
  http(probe: HttpProbe, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer>;
  tcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer>;
  /** The standard health service, grpc.health.v1. */
  grpc(
    target: { readonly host: string; readonly port: number; readonly service: string },
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ProbeAnswer>;
}
