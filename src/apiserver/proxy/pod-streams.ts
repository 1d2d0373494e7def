import { badRequest, internalError } from "../../api/status-error.ts";
import type { Node, Pod } from "../../api/types.ts";
import type { HttpResponse } from "../../ports/http.ts";
import type { RequestContext } from "../extension.ts";
import { proxyUpgrade } from "./backend-proxy.ts";
import { requireCreate } from "./create-permission.ts";
import { nodeLocation } from "./node-location.ts";
import { flag, integer } from "./parameters.ts";
import { chooseContainer } from "./pod-container.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { encodePath } from "./proxy-path.ts";

/** PodExecOptions and PodAttachOptions as the kubelet's parameters. */
function streamParameters(query: URLSearchParams, withCommand: boolean): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [ours, theirs] of [
    ["stdin", "input"],
    ["stdout", "output"],
    ["stderr", "error"],
    ["tty", "tty"],
  ] as const) {
    if (flag(query, ours)) parameters.append(theirs, "1");
  }
  if (withCommand) for (const argument of query.getAll("command")) parameters.append("command", argument);
  return parameters;
}

function portParameters(query: URLSearchParams): URLSearchParams {
  const ports = query.getAll("ports").map((text) => {
    const port = integer(new URLSearchParams([["port", text]]), "port");
    if (port === undefined) throw badRequest('strconv.ParseInt: parsing "": invalid syntax');
    return port.toString();
  });
  return ports.length === 0 ? new URLSearchParams() : new URLSearchParams([["port", ports.join(",")]]);
}

/** Where a pod's kubelet is. Throws StatusError 400 for a pod without a node. */
async function kubeletOf(deps: ProxyDeps, pod: Pod, name: string): Promise<{ host: string; port: number }> {
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") throw badRequest(`pod ${name} does not have a host assigned`);
  return nodeLocation((await deps.objects.get("nodes", "", nodeName)) as Node);
}

async function forward(
  deps: ProxyDeps,
  context: RequestContext,
  pod: Pod,
  kind: "exec" | "attach" | "portforward",
  path: string,
  parameters: URLSearchParams,
): Promise<HttpResponse> {
  const location = await kubeletOf(deps, pod, context.info.name);
  const { upgrade } = context.request;
  if (upgrade === undefined) throw badRequest("Upgrade request required");
  if (upgrade.protocol === "websocket") deps.observe?.webSocket(kind);
  const query = parameters.toString();
  const target = `${encodePath(path)}${query === "" ? "" : `?${query}`}`;
  return proxyUpgrade(context, { client: deps.kubelet, scheme: "https", ...location }, target);
}

/** What all connections into a pod have in common, before their own options are read. */
async function connectTo(deps: ProxyDeps, context: RequestContext): Promise<Pod> {
  const { info, request } = context;
  if (flagGiven(request.query, "dryRun")) throw badRequest("dryRun is not supported");
  await requireCreate(deps, context);
  if (info.name === "") throw internalError("a pod subresource without a pod");
  return (await deps.objects.get("pods", info.namespace, info.name)) as Pod;
}

function flagGiven(query: URLSearchParams, name: string): boolean {
  return query.getAll(name).some((value) => value !== "");
}

/** pods/exec and pods/attach: the upgrade goes unchanged to the kubelet of the pod's node. */
export async function connectToContainer(
  deps: ProxyDeps,
  context: RequestContext,
  kind: "exec" | "attach",
): Promise<HttpResponse> {
  const pod = await connectTo(deps, context);
  const { query } = context.request;
  const container = chooseContainer(pod, query.get("container") ?? "");
  const path = `/${kind}/${context.info.namespace}/${context.info.name}/${container}`;
  return forward(deps, context, pod, kind, path, streamParameters(query, kind === "exec"));
}

/** pods/portforward. */
export async function connectToPorts(deps: ProxyDeps, context: RequestContext): Promise<HttpResponse> {
  const parameters = portParameters(context.request.query);
  const pod = await connectTo(deps, context);
  const path = `/portForward/${context.info.namespace}/${context.info.name}`;
  return forward(deps, context, pod, "portforward", path, parameters);
}
