import type { Authorizer, ResourceAttributes } from "../../core/authz/attributes.ts";
import type { ConnectMode } from "../../core/authz/kubelet-request.ts";
import { forbidden } from "../../api/status-error.ts";
import type { Log } from "../../ports/log.ts";
import type { RequestContext } from "../extension.ts";
import type { ObserveStreams } from "./stream-metrics.ts";

export interface CreatePermissionDeps {
  readonly authorize: Authorizer;
  readonly log: Log;
  readonly mode: ConnectMode;
  readonly observe?: Pick<ObserveStreams, "getOnlyConnect">;
}

/**
 * Requires the verb `create` of a request that was authorised for another one. A WebSocket must be a GET, so the method
 * says nothing about what such a request does (kubernetes/kubernetes#133515).
 *
 * @throws StatusError 403 in mode enforce; whatever the authorizer throws
 */
export async function requireCreate(deps: CreatePermissionDeps, context: RequestContext): Promise<void> {
  const { info, user } = context;
  if (info.verb === "create" || deps.mode === "legacy") return;
  const attributes: ResourceAttributes = {
    type: "resource",
    user,
    verb: "create",
    group: info.group,
    version: info.version,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
  };
  const opinion = await deps.authorize(attributes, context.signal);
  if (opinion.decision === "allow") return;
  const resource = `${info.resource}/${info.subresource}`;
  const refused = deps.mode === "enforce";
  deps.observe?.getOnlyConnect({ user: user.name, resource, name: info.name, refused });
  deps.log.warn("A connection into a pod or node needs the verb create, the caller lacks it", {
    user: user.name,
    verb: info.verb,
    resource,
    namespace: info.namespace,
    name: info.name,
    refused,
  });
  if (!refused) return;
  const where = info.namespace === "" ? "at the cluster scope" : `in the namespace "${info.namespace}"`;
  const standard = `User ${JSON.stringify(user.name)} cannot create resource "${resource}" in API group "${info.group}" ${where}`;
  throw forbidden({ group: info.group, resource: info.resource }, info.name, opinion.reason || standard);
}
