import { badRequest, StatusError } from "../../api/status-error.ts";
import type { Endpoints, Node, Pod, Service } from "../../api/types.ts";
import type { HttpResponse } from "../../ports/http.ts";
import { isConnectPath } from "../../core/authz/kubelet-request.ts";
import type { RequestContext } from "../extension.ts";
import { type Backend, proxyRequest } from "./backend-proxy.ts";
import { requireCreate } from "./create-permission.ts";
import { nodeLocation } from "./node-location.ts";
import { parseProxiedName, type ProxiedName } from "./proxied-name.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { cleanPath } from "./proxy-path.ts";
import { isProxyableAddress } from "./proxyable-address.ts";

type EndpointAddress = NonNullable<NonNullable<Endpoints["subsets"]>[number]["addresses"]>[number];

function serviceUnavailable(message: string): StatusError {
  const reason = "ServiceUnavailable";
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code: 503,
  });
}

function named(context: RequestContext, what: string): ProxiedName {
  const name = parseProxiedName(context.info.name);
  if (name === undefined) throw badRequest(`invalid ${what} request ${JSON.stringify(context.info.name)}`);
  return name;
}

function portNumber(text: string, scheme: "http" | "https"): number {
  if (text === "") return scheme === "https" ? 443 : 80;
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}

/**
 * nodes/proxy. A path that leads into a container, and any upgrade, needs `create` on top: the API server's own
 * identity at the kubelet holds it, so the caller's is checked here (kubelet-api.md section 11.3).
 */
export async function proxyToNode(deps: ProxyDeps, context: RequestContext): Promise<HttpResponse> {
  const { scheme, name, port } = named(context, "node");
  const path = cleanPath(context.info.remainder);
  if (isConnectPath(path) || context.request.upgrade !== undefined) await requireCreate(deps, context);
  const location = nodeLocation((await deps.objects.get("nodes", "", name)) as Node);
  if (!isProxyableAddress(location.host)) throw badRequest("address not allowed");
  const own = port === "" || port === String(location.port);
  const backend: Backend = own
    ? { client: deps.kubelet, scheme: "https", ...location }
    : { client: deps.backend, scheme, host: location.host, port: portNumber(port, scheme) };
  return proxyRequest(context, backend, path);
}

/** pods/proxy: `pod`, `pod:port` or `scheme:pod:port`; without a port the first one the pod declares. */
export async function proxyToPod(deps: ProxyDeps, context: RequestContext): Promise<HttpResponse> {
  const { scheme, name, port } = named(context, "pod");
  const pod = (await deps.objects.get("pods", context.info.namespace, name)) as Pod;
  const declared = pod.spec?.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
  const address = pod.status?.podIPs?.[0]?.ip ?? "";
  if (!isProxyableAddress(address)) throw badRequest("address not allowed");
  const chosen = port !== "" ? port : declared === undefined ? "" : String(declared);
  const backend = { client: deps.backend, scheme, host: address, port: portNumber(chosen, scheme) };
  return proxyRequest(context, backend, cleanPath(context.info.remainder));
}

/** Services lead only to addresses that are those of pods: Endpoints are written by users. */
async function isPodAddress(deps: ProxyDeps, namespace: string, address: EndpointAddress): Promise<boolean> {
  const target = address.targetRef;
  if (target?.name === undefined || target.namespace !== namespace) return false;
  try {
    const pod = (await deps.objects.get("pods", namespace, target.name)) as Pod;
    return (pod.status?.podIPs ?? []).some(({ ip }) => ip === address.ip) && isProxyableAddress(address.ip);
  } catch (reason) {
    if (reason instanceof StatusError && reason.code === 404) return false;
    throw reason;
  }
}

/** The same elements, beginning at a random one. */
function rotated<T>(list: readonly T[], fraction: number): readonly T[] {
  const start = Math.floor(fraction * list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}

/** services/proxy: `service`, `service:port` (name or number) or `scheme:service:port`. */
export async function proxyToService(deps: ProxyDeps, context: RequestContext): Promise<HttpResponse> {
  const { namespace } = context.info;
  const { scheme, name, port } = named(context, "service");
  let portName = port;
  if (/^[+-]?\d+$/.test(port)) {
    const service = (await deps.objects.get("services", namespace, name)) as Service;
    const found = service.spec?.ports?.find((candidate) => candidate.port === Number(port));
    if (found === undefined) throw serviceUnavailable(`no service port ${Number(port)} found for service "${name}"`);
    portName = found.name ?? "";
  }
  const endpoints = (await deps.objects.get("endpoints", namespace, name)) as Endpoints;
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) throw serviceUnavailable(`no endpoints available for service "${name}"`);
  for (const subset of rotated(subsets, deps.random.fraction())) {
    const target = subset.ports?.find((candidate) => (candidate.name ?? "") === portName);
    if (target === undefined) continue;
    for (const address of rotated(subset.addresses ?? [], deps.random.fraction())) {
      if (!(await isPodAddress(deps, namespace, address))) continue;
      const backend = { client: deps.backend, scheme, host: address.ip, port: target.port };
      return proxyRequest(context, backend, cleanPath(context.info.remainder));
    }
  }
  throw serviceUnavailable(`no endpoints available for service "${context.info.name}"`);
}
