import type { HttpRequest } from "../ports/http.ts";
import { badRequest } from "../api/status-error.ts";
import type { RequestInfo } from "./extension.ts";
import { parseFieldSelector } from "../api/field-selector.ts";
import { pathSegmentProblems } from "../api/names.ts";

const VERBS: ReadonlyMap<string, string> = new Map([
  ["POST", "create"],
  ["GET", "get"],
  ["HEAD", "get"],
  ["PUT", "update"],
  ["PATCH", "patch"],
  ["DELETE", "delete"],
]);
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(["status", "finalize"]);

/** What the parser reads of a request; the path is decoded exactly once. */
export type RequestLine = Pick<HttpRequest, "method" | "path" | "query">;

/**
 * Reads a request line into the one value that routing and authorization share.
 *
 * Resource paths are /api/VERSION/… and /apis/GROUP/VERSION/…, optionally with `watch` or `proxy` before the resource (the old
 * way to ask for them); everything else is non-resource.
 *
 * @throws StatusError 400 for /…/watch and /…/proxy with nothing behind
 */
export function parseRequestInfo({ method, path, query }: RequestLine): RequestInfo {
  const nonResource: RequestInfo = {
    type: "non-resource",
    path,
    verb: method.toLowerCase(),
    group: "",
    version: "",
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    remainder: "",
  };
  const all = path.replace(/^\/+/, "").replace(/\/+$/, "").split("/");
  const [prefix = ""] = all;
  const hasGroup = prefix === "apis";
  const group = hasGroup ? (all[1] ?? "") : "";
  const afterGroup = all.slice(hasGroup ? 2 : 1);
  if ((prefix !== "api" && !hasGroup) || (hasGroup && group === "") || afterGroup.length < 2) return nonResource;

  const [version = "", ...afterVersion] = afterGroup;
  const [special = ""] = afterVersion;
  const viaPath = special === "watch" || special === "proxy";
  if (viaPath && afterVersion.length < 2) {
    throw badRequest(`unable to determine kind and namespace from url, ${path}`);
  }
  const { namespace, parts } = splitNamespace(viaPath ? afterVersion.slice(1) : afterVersion);
  const [resource = "", name = ""] = parts;
  const subresource = special === "proxy" && viaPath ? "" : (parts[2] ?? "");
  const info: RequestInfo = {
    ...nonResource,
    type: "resource",
    verb: viaPath ? special : (VERBS.get(method) ?? ""),
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    remainder: remainderOf(path, parts),
  };
  return withCollectionVerb(info, query);
}

/** /namespaces/{namespace}/{resource}/…; but /namespaces/{name}/status and /finalize are about the namespace itself. */
function splitNamespace(parts: readonly string[]): { readonly namespace: string; readonly parts: readonly string[] } {
  if (parts[0] !== "namespaces" || parts.length < 2) return { namespace: "", parts };
  const [, namespace = "", third] = parts;
  const inside = third !== undefined && !NAMESPACE_SUBRESOURCES.has(third);
  return { namespace, parts: inside ? parts.slice(2) : parts };
}

/** Everything after resource/name/subresource, with the slash that ends the path if there is one. */
function remainderOf(path: string, parts: readonly string[]): string {
  if (parts.length < 3) return "";
  const rest = parts.slice(3).join("/");
  const slash = path.endsWith("/") ? "/" : "";
  return rest === "" ? slash : `/${rest}${slash}`;
}

function withCollectionVerb(info: RequestInfo, query: URLSearchParams): RequestInfo {
  if (info.name !== "") return info;
  if (info.verb === "delete") return { ...info, verb: "deletecollection" };
  if (info.verb !== "get") return info;
  const name = exactName(query.get("fieldSelector") ?? "");
  return {
    ...info,
    verb: isTrue(query, "watch") ? "watch" : "list",
    ...(name !== undefined && pathSegmentProblems(name).length === 0 && { name }),
  };
}

/** Boolean query parameters as the API conventions read them: present and neither "false" nor "0". */
export function isTrue(query: URLSearchParams, parameter: string): boolean {
  const value = query.get(parameter);
  return value !== null && value.toLowerCase() !== "false" && value !== "0";
}

/** The one name a field selector asks for. undefined also for a selector that can not be read: that is refused later. */
function exactName(fieldSelector: string): string | undefined {
  if (fieldSelector === "") return undefined;
  try {
    const found = parseFieldSelector(fieldSelector).find(
      ({ field, operator, value }) => field === "metadata.name" && operator === "=" && value !== "",
    );
    return found?.value;
  } catch {
    return undefined;
  }
}
