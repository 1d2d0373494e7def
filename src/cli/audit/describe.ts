import type { NodeScope } from "../../core/audit/kubelet-access.ts";
import { describeOrigin, type Origin } from "../../core/audit/origin.ts";
import { describeGrant } from "../../core/audit/chain.ts";
import type { Remark } from "../../core/audit/look-alikes.ts";
import type { Remediation } from "../../core/audit/remediation.ts";
import type { ChainStep, KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
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

/** The same as texts, the last one telling how many there are besides. @param maximum @default all */
export function throughTexts(subject: SubjectReport, maximum = Number.POSITIVE_INFINITY): readonly string[] {
  const texts = throughOf(subject).map(({ text }) => text);
  const shown = texts.slice(0, maximum);
  return texts.length > shown.length ? [...shown, `… and ${texts.length - shown.length} more`] : shown;
}

/** The nodes of several routes together: each said once, and names not besides all. */
export function describeAllNodes(routes: readonly { readonly nodes: NodeScope }[]): string {
  const scopes = routes.map(({ nodes }) => nodes);
  const names = [...new Set(scopes.flatMap((scope) => (scope.scope === "named" ? scope.names : [])))].sort();
  const wide = [...new Set(scopes.filter(({ scope }) => scope !== "named").map(describeNodes))];
  if (names.length === 0 || scopes.some(({ scope }) => scope === "all")) return wide.join("; ");
  return [describeNodes({ scope: "named", count: names.length, names }), ...wide].join("; ");
}

export function nodesOf(subject: SubjectReport): string {
  return describeAllNodes(subject.runCommands?.routes ?? []);
}

export function verbsOf(subject: SubjectReport): string {
  const permissions = (subject.runCommands?.routes ?? []).flatMap((route) => route.with);
  return [...new Set(permissions.map((permission) => permission.split(" ")[0] ?? ""))]
    .sort((a, b) => (a < b ? 1 : -1))
    .join(",");
}

export const place = (origin: Origin): string => describeOrigin(origin);

/** What a remark says, with what was probably meant. */
export function describeMeaning({ message, suggestion }: Pick<Remark, "message" | "suggestion">): string {
  return `${message}${suggestion === undefined ? "" : `; meant: ${suggestion}`}`;
}

/** The rules a subject needs of kubelets, in one line; "" when none are known. */
export function describeRules({ clusterRole }: Remediation): string {
  return (clusterRole?.rules ?? [])
    .map(
      ({ verbs, resources = [], resourceNames = [] }) =>
        `${verbs.join(",")} ${resources.join(" ")}${resourceNames.length === 0 ? "" : ` on ${resourceNames.join(" ")}`}`,
    )
    .join("; ");
}

/** The verdict, and what it rests on. */
export function describeVerdict(remediation: Remediation): string {
  const { verdict, basis, component, unused } = remediation;
  const rules = describeRules(remediation);
  const what = {
    unused: "the logs show no use of it: take it away",
    "needs-proxy": "uses something that only nodes/proxy opens",
    unknown: "not known what it needs: read its audit log (--audit-log)",
    replaceable: `needs ${rules === "" ? "nothing of kubelets" : rules}`,
  }[verdict];
  const why =
    basis === "known-component" && component !== undefined
      ? ` (known of ${component.name}, ${component.source}; not proved)`
      : basis === "audit-log"
        ? " (seen in the audit log)"
        : basis === "scrape-configuration"
          ? " (seen in its scrape configuration)"
          : "";
  return `${what}${why}${unused.length === 0 ? "" : `; not used: ${unused.join(" ")}`}`;
}

/** What was found, what was looked at, and whether something is missing: a line each. */
export function summaryOf({ summary, complete }: KubeletAccessReport): readonly string[] {
  const { objects, notUnderstood } = summary;
  const count = (kind: string): number => objects[kind] ?? 0;
  const others = Object.values(notUnderstood.kinds).reduce((sum, number) => sum + number, 0);
  const accepted = summary.accepted === 0 ? "" : `, ${summary.accepted} accepted`;
  const files = summary.files === 0 ? "" : ` in ${summary.files} files, ${summary.documents} documents`;
  return [
    `${summary.canRunCommands} can run commands (${summary.canRunCommandsWithGetAlone} with get alone), ${summary.indirect} by a detour, ${summary.builtInAdministrators} built-in administrators not counted${accepted}`,
    `looked at ${count("ClusterRole")} ClusterRoles, ${count("ClusterRoleBinding")} ClusterRoleBindings, ${count("Role")} Roles, ${count("RoleBinding")} RoleBindings, ${count("Node")} nodes${files}; ${others} objects of other kinds; ${notUnderstood.documents} not understood`,
    ...(complete ? [] : ["INCOMPLETE: see the problems with the input"]),
  ];
}
