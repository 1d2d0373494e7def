import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import {
  describeMeaning,
  describeAllNodes,
  describeRules,
  describeStep,
  describeVerdict,
  nodesOf,
  place,
  throughTexts,
  verbsOf,
} from "./describe.ts";
import { subjectGroups, unboundRoles } from "./subject-groups.ts";

/** Of the ways of one subject to its rights a report shows so many; -o json has all. */
const MAXIMUM_THROUGH = 20;

/** A name or rule that is written as it is, or prose. */
export type Cell = string | { readonly code: string };

/** One table of a report, without the form it will be written in. */
export interface Section {
  readonly title: string;
  readonly tone: "danger" | "warning" | "plain";
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const code = (text: string): Cell => ({ code: text });

/** Everything of a report that has rows; empty tables are left out. */
export function reportSections(report: KubeletAccessReport): readonly Section[] {
  const { open, commands, detours, readers, builtIn, accepted } = subjectGroups(report);
  const sections: readonly Section[] = [
    {
      title: "Can run commands in any container of the nodes",
      tone: "danger",
      head: ["Subject", "Needs", "Nodes", "Through"],
      rows: commands.map((subject) => [
        code(subject.name),
        subject.runCommands?.withGetAlone === true ? "get\u00a0alone" : verbsOf(subject),
        nodesOf(subject),
        throughTexts(subject, MAXIMUM_THROUGH).join("; "),
      ]),
    },
    {
      title: "Can get there by a detour",
      tone: "warning",
      head: ["Subject", "How", "By"],
      rows: detours.map(({ name, indirect: [chain = []] }) => [
        code(name),
        chain.map(describeStep).join(", then "),
        chain.flatMap(({ through }) => through).join("; "),
      ]),
    },
    {
      title: "Can read from kubelets",
      tone: "plain",
      head: ["Subject", "May", "Nodes"],
      rows: readers.map(({ name, actions }) => [
        code(name),
        actions.map(({ action }) => action).join(", "),
        readOn(actions),
      ]),
    },
    {
      title: "What to do",
      tone: "plain",
      head: ["Subject", "Verdict", "Rules instead", "Breaks", "Mind"],
      rows: open.flatMap(({ name, remediation }) =>
        remediation === undefined
          ? []
          : [
              [
                code(name),
                describeVerdict(remediation),
                code(describeRules(remediation)),
                remediation.breaks.join("; "),
                remediation.remarks.join("; "),
              ],
            ],
      ),
    },
    {
      title: "Would let its holders run commands, but nobody is bound to it",
      tone: "warning",
      head: ["Role", "Resources", "At"],
      rows: unboundRoles(report).map(({ kind, name, subresources, origin }) => [
        code(`${kind} ${name}`),
        code(subresources.join(" ")),
        place(origin),
      ]),
    },
    ...remarkSections(report),
    {
      title: "Use seen in the audit log",
      tone: "plain",
      head: ["Subject", "At", "Asked for", "Nodes", "Events", "Denied"],
      rows: (report.usage?.lines ?? []).map(({ user, through, verb, subresource, path = "", nodes, count, denied }) => [
        code(user),
        through,
        code(`${verb} nodes/${through === "api-server" ? `proxy ${path}` : subresource}`),
        String(nodes.length),
        String(count),
        String(denied),
      ]),
    },
    {
      title: "Accepted",
      tone: "plain",
      head: ["Subject", "Reason", "Until"],
      rows: accepted.map(({ name, accepted: why }) => [code(name), why?.reason ?? "", why?.expires ?? ""]),
    },
    {
      title: "Built in, not counted",
      tone: "plain",
      head: ["Subject", "Why"],
      rows: builtIn.map(({ name, builtIn: why }) => [code(name), why ?? ""]),
    },
    {
      title: "Nodes",
      tone: "plain",
      head: ["Class", "Nodes", "Commands need", "Remark"],
      rows: report.nodeClasses.map(({ name, count, commandsNeed, remark }) => [
        name,
        String(count),
        code(`${commandsNeed} nodes/proxy`),
        remark ?? "",
      ]),
    },
    {
      title: "Problems with the input",
      tone: "warning",
      head: ["Severity", "At", "What"],
      rows: report.problems.map(({ severity, origin, message }) => [severity, place(origin), message]),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

function remarkSections({ remarks }: KubeletAccessReport): readonly Section[] {
  return (
    [
      ["phantom", "Grants nothing, although somebody expects it to"],
      ["harmless", "Looks dangerous and is not"],
    ] as const
  ).map(([type, title]) => ({
    title,
    tone: "plain",
    head: ["Object", "Rule", "Why", "At"],
    rows: remarks
      .filter((remark) => remark.type === type && remark.code !== "bare-nodes")
      .map((remark) => [remark.object, code(remark.subject), describeMeaning(remark), place(remark.origin)]),
  }));
}

function readOn(actions: SubjectReport["actions"]): string {
  return describeAllNodes(actions.flatMap(({ routes }) => routes));
}
