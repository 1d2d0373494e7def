import type { KubeletAccessReport } from "../../core/audit/report.ts";
import { describeNodes, describeStep, nodesOf, place, throughOf, verbsOf } from "./describe.ts";
import { summaryOf } from "./render-table.ts";

/** For pull requests and wikis. */
export function renderMarkdown(report: KubeletAccessReport): string {
  const open = report.subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  const commands = open.filter(({ runCommands }) => runCommands !== undefined);
  const detours = open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0);
  const rest = open.filter(({ runCommands, actions }) => runCommands === undefined && actions.length > 0);
  return `${[
    `# Kubelet access\n\n${summaryOf(report).split("\n").join("  \n")}`,
    section(
      "Can run commands",
      ["Subject", "Needs", "Nodes", "Through"],
      commands.map((subject) => [
        code(subject.name),
        subject.runCommands?.withGetAlone === true ? "`get` alone" : verbsOf(subject),
        nodesOf(subject),
        throughOf(subject)
          .map(({ text }) => text)
          .join("; "),
      ]),
    ),
    section(
      "Can get there by a detour",
      ["Subject", "How"],
      detours.map(({ name, indirect }) => [code(name), (indirect[0] ?? []).map(describeStep).join(", then ")]),
    ),
    section(
      "Can read from kubelets",
      ["Subject", "May", "Nodes"],
      rest.map(({ name, actions }) => [
        code(name),
        actions.map(({ action }) => action).join(", "),
        [...new Set(actions.flatMap(({ routes }) => routes.map(({ nodes }) => describeNodes(nodes))))].join("; "),
      ]),
    ),
    section(
      "Remarks",
      ["Object", "Rule", "Why", "At"],
      report.remarks
        .filter(({ code }) => code !== "bare-nodes")
        .map(({ object, subject, message, suggestion, origin }) => [
          object,
          code(subject),
          `${message}${suggestion === undefined ? "" : `; meant: ${code(suggestion)}`}`,
          place(origin),
        ]),
    ),
    section(
      "What to do",
      ["Subject", "Verdict", "Rules", "Breaks"],
      open.flatMap(({ name, remediation }) =>
        remediation === undefined
          ? []
          : [
              [
                code(name),
                `${remediation.verdict} (${remediation.basis})`,
                (remediation.clusterRole?.rules ?? [])
                  .map(({ verbs, resources }) => code(`${verbs.join(",")} ${(resources ?? []).join(" ")}`))
                  .join("; "),
                remediation.breaks.join("; "),
              ],
            ],
      ),
    ),
    section(
      "Problems with the input",
      ["At", "What"],
      report.problems.map(({ origin, message }) => [place(origin), message]),
    ),
  ]
    .filter((text) => text !== "")
    .join("\n\n")}\n`;
}

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [`## ${title}\n`, line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
