import { Counter, type Registry } from "prom-client";

/** A request that reaches into a pod or node without holding `create`. */
interface GetOnlyConnect {
  readonly user: string;
  /** e.g. "pods/exec" */
  readonly resource: string;
  readonly name: string;
  /** Whether it was refused (mode enforce) or only noted (mode warn). */
  readonly refused: boolean;
}

/** Told about connections into pods and nodes. */
export interface ObserveStreams {
  /** Somebody who lacks `create` asked for one. */
  getOnlyConnect(attempt: GetOnlyConnect): void;
  /** A WebSocket is passed on to a kubelet. */
  webSocket(subresource: "exec" | "attach" | "portforward"): void;
}

export function createStreamMetrics(registry: Registry): ObserveStreams {
  const registers = [registry];
  const getOnly = new Counter({
    name: "orlop_apiserver_get_only_connects_total",
    help: "Requests that reach into pods or nodes by callers that lack the verb create, by what was done about it",
    labelNames: ["resource", "decision"] as const,
    registers,
  });
  const webSockets = new Counter({
    name: "apiserver_websocket_streaming_requests_total",
    help: "WebSockets of exec, attach and portforward by where they end.",
    labelNames: ["subresource", "proxy_type"] as const,
    registers,
  });
  return {
    getOnlyConnect: ({ resource, refused }) => getOnly.inc({ resource, decision: refused ? "refused" : "let-through" }),
    webSocket: (subresource) => webSockets.inc({ subresource, proxy_type: "proxied_to_kubelet" }),
  };
}
