import type { NodeSubresource } from "../authz/kubelet-request.ts";
import type { PolicyRule } from "../../api/types.ts";
import type { EffectiveRole, EffectiveRule } from "./effective-roles.ts";

export const NODE_SUBRESOURCES: readonly NodeSubresource[] = [
  "proxy",
  "pods",
  "healthz",
  "configz",
  "stats",
  "metrics",
  "log",
  "checkpoint",
  "statusz",
  "spec",
];

/** Verbs an HTTP method turns into; list, watch and the like are never asked for subresources of nodes. */
export const METHOD_VERBS: readonly string[] = ["get", "create", "update", "patch", "delete"];

/** What one rule gives on subresources of nodes. */
export interface NodeGrant {
  readonly source: EffectiveRule;
  /** Verbs of METHOD_VERBS as bits, by place in NODE_SUBRESOURCES. */
  readonly verbs: readonly number[];
  /** undefined: all nodes. */
  readonly names: readonly string[] | undefined;
}

/** The part of one rule that says something about kubelets; undefined when there is none. */
export function nodeGrantOf(source: EffectiveRule): NodeGrant | undefined {
  const { rule } = source;
  const { apiGroups = [], resources = [], resourceNames = [] } = rule;
  if (!apiGroups.includes("") && !apiGroups.includes("*")) return undefined;
  const mask = verbMask(rule);
  if (mask === 0) return undefined;
  const verbs = NODE_SUBRESOURCES.map((subresource) => (namesSubresource(resources, subresource) ? mask : 0));
  if (verbs.every((bits) => bits === 0)) return undefined;
  return { source, verbs, names: resourceNames.length === 0 ? undefined : resourceNames };
}

function namesSubresource(resources: readonly string[], subresource: string): boolean {
  return resources.some((named) => named === "*" || named === `nodes/${subresource}` || named === `*/${subresource}`);
}

function verbMask({ verbs }: PolicyRule): number {
  if (verbs.includes("*")) return (1 << METHOD_VERBS.length) - 1;
  return METHOD_VERBS.reduce((mask, verb, place) => (verbs.includes(verb) ? mask | (1 << place) : mask), 0);
}

export function nodeGrantsOf(role: EffectiveRole): readonly NodeGrant[] {
  return role.rules.flatMap((rule) => nodeGrantOf(rule) ?? []);
}

/** Whether the grant holds `verb` on nodes/`subresource`. */
export function grantHolds(grant: NodeGrant, verb: string, subresource: NodeSubresource): boolean {
  const bits = grant.verbs[NODE_SUBRESOURCES.indexOf(subresource)] ?? 0;
  const place = METHOD_VERBS.indexOf(verb);
  return place >= 0 && (bits & (1 << place)) !== 0;
}

/** Whether upstream kubelets let the holder run commands: exec needs no more than get. */
export function runsCommandsUpstream(grant: NodeGrant): boolean {
  return grantHolds(grant, "get", "proxy") || grantHolds(grant, "create", "proxy");
}
