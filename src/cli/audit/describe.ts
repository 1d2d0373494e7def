import type { NodeScope } from "../../core/audit/kubelet-access.ts";
import { describeOrigin, type Origin } from "../../core/audit/origin.ts";
import { describeGrant } from "../../core/audit/chain.ts";
import type { ChainStep, SubjectReport } from "../../core/audit/report.ts";
import type { IndirectMethod } from "../../core/audit/indirect-way.ts";

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

/** {role} and {target} stand for those of the step. */
const METHODS: Readonly<Record<IndirectMethod, string>> = {
  escalate: "may change a role it is bound to beyond its own rights (escalate): {role}",
  "escalate-by-aggregation": "may create a role that a role it holds collects (escalate): {role}",
  bind: "may bind itself to {role}",
  "escalate-in-namespace": "may change {role}, which it holds where {target} is, beyond its own rights (escalate)",
  "bind-in-namespace": "may bind itself to {role} where {target} is",
  impersonate: "may impersonate {target}",
  "impersonate-node": "may impersonate a node that runs a pod of {target}",
  "create-token": "may create a token of {target}",
  "create-token-secret": "may create a Secret with a token, and read it, of {target}",
  "read-token-secret": "may read a Secret that holds a token of {target}",
  "create-pod": "may create a pod that runs as {target}",
  "change-pod": "may put another image into a pod that runs as {target}",
  "create-workload": "may create a workload that runs as {target}",
  "change-workload": "may change a workload so that it runs as {target}",
  "exec-into-pod": "may run commands in a pod that runs as {target}",
  "approve-certificate": "may request and approve a certificate in the name of {target}",
  "node-certificate": "may get the certificate of a node that runs a pod of {target}",
};

export function describeStep({ subject, method, role = "", target = "" }: ChainStep): string {
  return `${subject} ${METHODS[method].replace("{role}", () => role).replace("{target}", () => target)}`;
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
