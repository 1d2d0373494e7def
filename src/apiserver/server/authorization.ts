import { type FieldRequirement, parseFieldSelector } from "../../api/field-selector.ts";
import { SelectorError } from "../../api/label-selector.ts";
import { forbidden, forbiddenMessage } from "../../api/status-error.ts";
import type { StatusError } from "../../api/status-error.ts";
import type { User } from "../../api/user.ts";
import type { Attributes, Authorizer } from "../../core/authz/attributes.ts";
import type { RequestInfo } from "../extension.ts";

/** What a request wants, for the authorizer: made of the same value that routes it. */
export function attributesOf(info: RequestInfo, user: User, query: URLSearchParams): Attributes {
  if (info.type === "non-resource") return { type: "non-resource", user, verb: info.verb, path: info.path };
  const { verb, group, version, resource, subresource, namespace, name } = info;
  const fieldSelector = fieldSelectorOf(verb, query);
  return {
    type: "resource",
    user,
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    ...(fieldSelector.length > 0 && { fieldSelector }),
  };
}

const SELECTING_VERBS: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);

/** One that can not be read does not limit the request, so it must not help to get it allowed either. */
function fieldSelectorOf(verb: string, query: URLSearchParams): readonly FieldRequirement[] {
  const text = query.get("fieldSelector") ?? "";
  if (text === "" || !SELECTING_VERBS.has(verb)) return [];
  try {
    return parseFieldSelector(text);
  } catch (reason) {
    if (reason instanceof SelectorError) return [];
    throw reason;
  }
}

/** Throws StatusError 403 unless the authorizer allows it. */
export async function authorizeOrRefuse(
  authorize: Authorizer,
  attributes: Attributes,
  signal: AbortSignal,
): Promise<void> {
  const { decision, reason } = await authorize(attributes, signal);
  if (decision !== "allow") throw refusal(attributes, reason);
}

function refusal(attributes: Attributes, reason: string): StatusError {
  const why = reason === "" ? "" : `: ${reason}`;
  const user = quote(attributes.user.name);
  if (attributes.type === "non-resource") {
    return forbiddenMessage(`forbidden: User ${user} cannot ${attributes.verb} path ${quote(attributes.path)}${why}`);
  }
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${quote(namespace)}`;
  const text = `User ${user} cannot ${verb} resource ${quote(what)} in API group ${quote(group)} ${where}${why}`;
  return forbidden({ group, resource }, name, text);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
