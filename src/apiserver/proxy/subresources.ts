import { methodNotSupported } from "../../api/status-error.ts";
import type { HttpResponse } from "../../ports/http.ts";
import type { RequestContext, Subresource } from "../extension.ts";
import { proxyToNode, proxyToPod, proxyToService } from "./object-proxies.ts";
import { podLog } from "./pod-log.ts";
import { connectToContainer, connectToPorts } from "./pod-streams.ts";
import type { ProxyDeps } from "./proxy-deps.ts";

export interface ProxyOptions {
  /** Gate PodLogsQuerySplitStreams. */
  readonly splitStreams: boolean;
}

const STREAM_METHODS = ["GET", "POST"];
const PROXY_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const PROXY_VERBS = ["create", "delete", "get", "patch", "update"];

interface Declared {
  readonly resource: "nodes" | "pods" | "services";
  readonly subresource: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly methods: readonly string[];
  readonly handle: (context: RequestContext) => Promise<HttpResponse>;
}

function declare({ resource, subresource, kind, verbs, methods, handle }: Declared): Subresource {
  return {
    group: "",
    version: "v1",
    resource,
    subresource,
    namespaced: resource !== "nodes",
    kind: { group: "", version: "v1", kind },
    verbs,
    async handle(context) {
      if (methods.includes(context.request.method)) return handle(context);
      throw methodNotSupported({ group: "", resource: `${resource}/${subresource}` }, context.info.verb);
    },
  };
}

/** The subresources of pods, nodes and services that lead out of the API server: streams, logs and proxies. */
export function createProxySubresources(deps: ProxyDeps, options: ProxyOptions): readonly Subresource[] {
  const stream = (subresource: string, kind: string, handle: Declared["handle"]): Subresource =>
    declare({ resource: "pods", subresource, kind, verbs: ["create", "get"], methods: STREAM_METHODS, handle });
  const proxy = (resource: Declared["resource"], kind: string, handle: Declared["handle"]): Subresource =>
    declare({ resource, subresource: "proxy", kind, verbs: PROXY_VERBS, methods: PROXY_METHODS, handle });
  return [
    stream("exec", "PodExecOptions", (context) => connectToContainer(deps, context, "exec")),
    stream("attach", "PodAttachOptions", (context) => connectToContainer(deps, context, "attach")),
    stream("portforward", "PodPortForwardOptions", (context) => connectToPorts(deps, context)),
    declare({
      resource: "pods",
      subresource: "log",
      kind: "Pod",
      verbs: ["get"],
      methods: ["GET"],
      handle: (context) => podLog(deps, context, options),
    }),
    proxy("pods", "PodProxyOptions", (context) => proxyToPod(deps, context)),
    proxy("services", "ServiceProxyOptions", (context) => proxyToService(deps, context)),
    proxy("nodes", "NodeProxyOptions", (context) => proxyToNode(deps, context)),
  ];
}
