import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import {
  describeMeaning,
  describeAllNodes,
  describeStep,
  describeVerdict,
  nodesOf,
  place,
  summaryOf,
  throughOf,
  throughTexts,
  verbsOf,
} from "./describe.ts";
import { type SubjectGroups, subjectGroups, unboundRoles } from "./subject-groups.ts";
import { type TableSection, tableSection } from "./table-section.ts";
import { usageSections, wideSections } from "./wide-sections.ts";

export interface TableOptions {
  readonly wide: boolean;
  readonly color: boolean;
}

const RED = 31;
const YELLOW = 33;
/** Of these kinds of lines a table shows so many; all with -o wide. */
const MAXIMUM_SHOWN = 20;

/** For people at a terminal. */
export function renderTable(report: KubeletAccessReport, { wide, color }: TableOptions): string {
  const groups = subjectGroups(report);
  const sections = [
    ...subjectSections(groups, wide),
    ...(wide ? wideSections(report, groups) : []),
    ...remarkSections(report, wide),
    ...remedySections(report, groups),
    ...usageSections(report),
    ...problemSections(report, wide),
  ];
  const painted = sections.map(({ title, body, tone }) => {
    const head = tone === undefined || !color ? title : `\u001b[${tone === "danger" ? RED : YELLOW}m${title}\u001b[0m`;
    return `${head}\n${body}`;
  });
  return `${[...painted, summaryOf(report).join("\n")].join("\n\n")}\n`;
}

function subjectSections({ commands, detours, readers }: SubjectGroups, wide: boolean): readonly TableSection[] {
  const shown = wide ? detours : detours.slice(0, MAXIMUM_SHOWN);
  const more = detours.length > shown.length ? `\n  … and ${detours.length - shown.length} more (-o wide)` : "";
  return [
    ...commandsSection(commands, wide),
    ...(detours.length === 0
      ? []
      : [
          {
            title: "CAN GET THERE BY A DETOUR",
            tone: "warning" as const,
            body: `${shown.map((subject) => `  ${subject.name}\n${chains(subject, wide)}`).join("\n")}${more}`,
          },
        ]),
    ...readersSection(readers),
  ];
}

function commandsSection(commands: readonly SubjectReport[], wide: boolean): readonly TableSection[] {
  const rows = commands.flatMap((subject) => {
    const [first = "", ...more] = throughTexts(subject, wide ? undefined : MAXIMUM_SHOWN);
    const needs = subject.runCommands?.withGetAlone === true ? "get alone" : verbsOf(subject);
    return [[subject.name, needs, nodesOf(subject), first], ...more.map((text) => ["", "", "", text])];
  });
  return tableSection("CAN RUN COMMANDS IN ANY CONTAINER OF THE NODES", rows, {
    head: ["SUBJECT", "NEEDS", "NODES", "THROUGH"],
    tone: "danger",
  });
}

function readersSection(readers: readonly SubjectReport[]): readonly TableSection[] {
  const rows = readers.map((subject) => [
    subject.name,
    subject.actions.map(({ action }) => action).join(","),
    describeAllNodes(subject.actions.flatMap(({ routes }) => routes)),
    throughOf(subject)[0]?.text ?? "",
  ]);
  return tableSection("CAN READ FROM KUBELETS, NOT RUN COMMANDS", rows, {
    head: ["SUBJECT", "MAY", "NODES", "THROUGH"],
  });
}

function chains(subject: SubjectReport, wide: boolean): string {
  return (wide ? subject.indirect : subject.indirect.slice(0, 1))
    .map((chain) =>
      chain
        .map(
          (step, depth) =>
            `  ${"  ".repeat(depth + 1)}${describeStep(step)}\n  ${"  ".repeat(depth + 2)}by ${step.through.join(" and ")}`,
        )
        .join("\n"),
    )
    .join("\n");
}

function remarkSections(report: KubeletAccessReport, wide: boolean): readonly TableSection[] {
  const remarks = wide ? report.remarks : report.remarks.filter(({ code }) => code !== "bare-nodes");
  const of = (type: string): readonly (readonly string[])[] =>
    remarks
      .filter((remark) => remark.type === type)
      .map((remark) => [remark.object, remark.subject, describeMeaning(remark), place(remark.origin)]);
  const head = ["OBJECT", "RULE", "WHY", "AT"];
  return [
    ...tableSection("GRANTS NOTHING, ALTHOUGH SOMEBODY EXPECTS IT TO", of("phantom"), { head }),
    ...tableSection("LOOKS DANGEROUS AND IS NOT", of("harmless"), { head }),
    ...tableSection(
      "WOULD LET ITS HOLDERS RUN COMMANDS, BUT NOBODY IS BOUND TO IT",
      unboundRoles(report).map(({ kind, name, subresources, origin }) => [
        `${kind} ${name}`,
        subresources.join(","),
        place(origin),
      ]),
    ),
  ];
}

function remedySections({ usage }: KubeletAccessReport, { open }: SubjectGroups): readonly TableSection[] {
  const lines = open.flatMap(({ name, remediation }) =>
    remediation === undefined
      ? []
      : [
          `  ${name}: ${describeVerdict(remediation)}`,
          ...remediation.breaks.map((text) => `    breaks: ${text}`),
          ...remediation.remarks.map((text) => `    mind: ${text}`),
        ],
  );
  const hint = usage === undefined ? ", --audit-log shows what is really used" : "";
  return lines.length === 0 ? [] : [{ title: `WHAT TO DO (-o fix writes the rules${hint})`, body: lines.join("\n") }];
}

function problemSections({ problems }: KubeletAccessReport, wide: boolean): readonly TableSection[] {
  if (problems.length === 0) return [];
  const shown = problems.slice(0, wide ? undefined : MAXIMUM_SHOWN);
  const lines = shown.map(({ severity, message, origin }) => {
    const at = place(origin);
    return `  ${severity}: ${at === "" ? "" : `${at}: `}${message}`;
  });
  const more = problems.length > shown.length ? [`  … and ${problems.length - shown.length} more (-o wide)`] : [];
  return [{ title: "PROBLEMS WITH THE INPUT", tone: "warning", body: [...lines, ...more].join("\n") }];
}
