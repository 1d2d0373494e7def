import type { NonEmpty } from "../../lib/result.ts";
import type { User } from "../../api/user.ts";
import type { ResourceAttributes } from "./attributes.ts";

/** Subresources of "nodes" that the kubelet's API is authorised by. */
export type NodeSubresource =
  | "pods"
  | "healthz"
  | "configz"
  | "stats"
  | "metrics"
  | "log"
  | "checkpoint"
  | "statusz"
  | "spec"
  | "proxy";

/** How the rule for exec, attach, portForward and run is applied to callers that hold only `get`. */
export type ConnectMode = "enforce" | "warn" | "legacy";

export interface KubeletRequestOptions {
  /** Gate KubeletFineGrainedAuthz. */
  readonly fineGrained: boolean;
}

/** What a request to the kubelet is about, whatever its method. */
export type KubeletAction = "read" | "mutate" | "connect";

export interface KubeletRequestClass {
  readonly action: KubeletAction;
  /** The verb upstream derives from the method; "" for methods Kubernetes has no verb for. */
  readonly methodVerb: string;
  /** The verb that must be granted: "create" for connect whatever the method, else `methodVerb`. */
  readonly verb: string;
  /** Tried in order; one that is allowed is enough. */
  readonly subresources: NonEmpty<NodeSubresource>;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Paths whose own subresource is tried before nodes/proxy. */
export const FINE_GRAINED: readonly (readonly [base: string, subresource: NodeSubresource])[] = [
  ["/pods", "pods"],
  ["/healthz", "healthz"],
  ["/configz", "configz"],
  ["/runningpods", "pods"],
  ["/runningPods", "pods"],
];

/** Paths with one subresource and no way around it. */
export const DEDICATED: readonly (readonly [base: string, subresource: NodeSubresource])[] = [
  ["/stats", "stats"],
  ["/metrics", "metrics"],
  ["/logs", "log"],
  ["/checkpoint", "checkpoint"],
  ["/statusz", "statusz"],
  ["/flagz", "configz"],
  ["/spec", "spec"],
];

/** Paths that reach into a container: they run, attach or tunnel. */
export const CONNECT_PATHS: readonly string[] = ["/exec", "/attach", "/portForward", "/run"];

/** Whether `path` is `base` or below it. `base` has no slash at its end. Case-sensitive; nothing is normalised. */
export function isBelow(path: string, base: string): boolean {
  return path.startsWith(base) && (path.length === base.length || path[base.length] === "/");
}

/** Subresources to try, narrowest first. Unknown paths need nodes/proxy, so a new route starts locked. */
export function subresourcesFor(path: string, { fineGrained }: KubeletRequestOptions): NonEmpty<NodeSubresource> {
  const dedicated = DEDICATED.find(([base]) => isBelow(path, base));
  if (dedicated !== undefined) return [dedicated[1]];
  const fine = fineGrained ? FINE_GRAINED.find(([base]) => isBelow(path, base)) : undefined;
  return fine === undefined ? ["proxy"] : [fine[1], "proxy"];
}

/** Case-sensitive, as upstream: "get" or HEAD have no verb. */
export function verbForMethod(method: string): string {
  return Object.hasOwn(VERBS, method) ? (VERBS[method] ?? "") : "";
}

/** Whether the path leads into a container, whatever the method. */
export function isConnectPath(path: string): boolean {
  return CONNECT_PATHS.some((base) => isBelow(path, base));
}

function actionOf(method: string, path: string): KubeletAction {
  if (isConnectPath(path)) return "connect";
  const mutates =
    (method === "POST" && isBelow(path, "/checkpoint")) ||
    (method === "PUT" && isBelow(path, "/debug/flags")) ||
    (method === "DELETE" && isBelow(path, "/metrics/slis"));
  return mutates ? "mutate" : "read";
}

/**
 * Classifies a request to the kubelet's API from its method and its path, decoded once and otherwise untouched: the
 * same value the router uses. See KEP-2862 for the lists and kubelet-api.md section 11 for the connect rule: a protocol
 * upgrade must be a GET, so the method says nothing about what exec and its kin do.
 */
export function classifyKubeletRequest(
  method: string,
  path: string,
  options: KubeletRequestOptions,
): KubeletRequestClass {
  const action = actionOf(method, path);
  const methodVerb = verbForMethod(method);
  return {
    action,
    methodVerb,
    verb: action === "connect" ? "create" : methodVerb,
    subresources: subresourcesFor(path, options),
  };
}

/** What is asked of the authorizer for one subresource of the node. */
export function nodeAttributes(
  user: User,
  verb: string,
  subresource: NodeSubresource,
  nodeName: string,
): ResourceAttributes {
  return {
    type: "resource",
    user,
    verb,
    group: "",
    version: "v1",
    resource: "nodes",
    subresource,
    namespace: "",
    name: nodeName,
  };
}
