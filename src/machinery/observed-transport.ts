import type { Clock } from "../ports/clock.ts";
import type { ClusterRequest, ClusterTransport } from "../ports/cluster-transport.ts";

/** One request to an API server whose answer has begun, or that failed. */
export interface SentRequest {
  readonly method: ClusterRequest["method"];
  /** The status, or "<error>" when there is no answer. */
  readonly code: string;
  readonly seconds: number;
}

/** The same transport; `sent` is told about every request. It must be quick and must not throw. */
export function observeTransport(
  transport: ClusterTransport,
  clock: Pick<Clock, "monotonic">,
  sent: (request: SentRequest) => void,
): ClusterTransport {
  const { upgrade } = transport;
  return {
    ...(transport.host !== undefined && { host: transport.host }),
    ...(upgrade !== undefined && { upgrade: (request: ClusterRequest) => upgrade.call(transport, request) }),
    async send(request) {
      const begun = clock.monotonic();
      const tell = (code: string): void =>
        sent({ method: request.method, code, seconds: (clock.monotonic() - begun) / 1_000 });
      try {
        const response = await transport.send(request);
        tell(String(response.status));
        return response;
      } catch (reason) {
        if (!request.signal.aborted) tell("<error>");
        throw reason;
      }
    },
  };
}
