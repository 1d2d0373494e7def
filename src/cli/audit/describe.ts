import type { NodeScope } from "../../core/audit/kubelet-access.ts";
import { describeOrigin, type Origin } from "../../core/audit/origin.ts";
import { type ChainStep, describeGrant, type SubjectReport } from "../../core/audit/report.ts";
import type { IndirectMethod } from "../../core/audit/indirect-access.ts";

/** Texts that several forms of the report share. */

export function describeNodes(scope: NodeScope): string {
  switch (scope.scope) {
    case "all":
      return "all";
    case "classes":
      return `all ${scope.classes.join(", ")}`;
    case "named":
      return scope.names.length <= 3
        ? scope.names.join(", ")
        : `${scope.names.slice(0, 3).join(", ")} and ${scope.names.length - 3} more`;
  }
}

const METHODS: Readonly<Record<IndirectMethod, string>> = {
  escalate: "may change a role it is bound to beyond its own rights (escalate)",
  "escalate-by-aggregation": "may create a role that a role it holds collects (escalate)",
  bind: "may bind itself to",
  impersonate: "may impersonate",
  "create-token": "may create a token of",
  "create-token-secret": "may create a Secret with a token, and read it, of",
  "create-pod": "may create a pod that runs as",
  "create-workload": "may create a workload that runs as",
  "change-workload": "may change a workload so that it gives it the token of",
  "exec-into-pod": "may run commands in a pod that runs as",
};

export function describeStep(step: ChainStep): string {
  const what = METHODS[step.method as IndirectMethod];
  const object = step.target ?? (step.method === "bind" ? step.role : undefined) ?? "";
  const role = step.method.startsWith("escalate") && step.role !== undefined ? `: ${step.role}` : "";
  return `${step.subject} ${what}${role}${object === "" ? "" : ` ${object}`}`;
}

/** Grants that open commands first; the rest of the subject's grants after them. */
export function throughOf(subject: SubjectReport): readonly { readonly text: string; readonly origin: Origin }[] {
  const places = new Set(
    (subject.runCommands?.routes ?? subject.actions.flatMap(({ routes }) => routes)).flatMap(({ via }) => via),
  );
  const seen = new Set<string>();
  return subject.grants.flatMap((grant, place) => {
    if (!places.has(place)) return [];
    const at = describeOrigin(grant.rule.origin);
    const text = `${describeGrant(grant)}${at === "" ? "" : ` (${at})`}`;
    if (seen.has(text)) return [];
    seen.add(text);
    return [{ text, origin: grant.rule.origin }];
  });
}

export function nodesOf(subject: SubjectReport): string {
  return [...new Set((subject.runCommands?.routes ?? []).map(({ nodes }) => describeNodes(nodes)))].join("; ");
}

export function verbsOf(subject: SubjectReport): string {
  const permissions = (subject.runCommands?.routes ?? []).flatMap((route) => route.with);
  return [...new Set(permissions.map((permission) => permission.split(" ")[0] ?? ""))]
    .sort((a, b) => (a < b ? 1 : -1))
    .join(",");
}

export const place = (origin: Origin): string => describeOrigin(origin);
