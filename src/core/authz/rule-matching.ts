import type { PolicyRule } from "../../api/types.ts";
import type { Attributes, NonResourceAttributes, ResourceAttributes } from "./attributes.ts";

/** Whether one RBAC rule grants this request. Rules only ever add; there is no deny rule. */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!verbMatches(rule, attributes.verb)) return false;
  return attributes.type === "resource" ? resourceMatches(rule, attributes) : urlMatches(rule, attributes);
}

/** An empty verb (an HTTP method Kubernetes has no verb for) is matched by "*" only. */
function verbMatches({ verbs }: PolicyRule, verb: string): boolean {
  return verbs.includes("*") || (verb !== "" && verbs.includes(verb));
}

function resourceMatches(rule: PolicyRule, request: ResourceAttributes): boolean {
  const { apiGroups = [], resources = [], resourceNames = [] } = rule;
  if (!apiGroups.includes("*") && !apiGroups.includes(request.group)) return false;
  if (resourceNames.length > 0 && !resourceNames.includes(request.name)) return false;
  const { resource, subresource } = request;
  if (subresource === "") return resources.includes("*") || resources.includes(resource);
  const [exact, anyResource] = [`${resource}/${subresource}`, `*/${subresource}`];
  return resources.some((named) => named === "*" || named === exact || named === anyResource);
}

function urlMatches({ nonResourceURLs = [] }: PolicyRule, { path }: NonResourceAttributes): boolean {
  return nonResourceURLs.some((pattern) => urlCovers(pattern, path));
}

/** Exact, or by prefix when the pattern ends in "*"; "/foo/*" does not cover "/foo". */
export function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, "")));
}
