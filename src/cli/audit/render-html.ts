import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import { describeNodes, describeStep, nodesOf, place, throughOf, verbsOf } from "./describe.ts";
import { summaryOf } from "./render-table.ts";

/** More subjects than this make a drawing nobody can read. */
const MAXIMUM_DRAWN = 60;

/** One file without anything from elsewhere: no scripts, no fonts, no pictures but the drawing inside. */
export function renderHtml(report: KubeletAccessReport): string {
  const open = report.subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  const commands = open.filter(({ runCommands }) => runCommands !== undefined);
  const detours = open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0);
  const rest = open.filter(({ runCommands, actions }) => runCommands === undefined && actions.length > 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Kubelet access</title><style>${STYLE}</style></head><body>
<h1>Kubelet access</h1>
<p>${escape(report.source)}, ${escape(report.generatedAt)}</p>
<p>${summaryOf(report).split("\n").map(escape).join("<br>")}</p>
<h2>Who reaches what</h2>
${drawing([...commands, ...detours, ...rest])}
${table(
  "Can run commands",
  ["Subject", "Needs", "Nodes", "Through"],
  commands.map((subject) => [
    subject.name,
    subject.runCommands?.withGetAlone === true ? "get alone" : verbsOf(subject),
    nodesOf(subject),
    throughOf(subject)
      .map(({ text }) => text)
      .join("; "),
  ]),
)}
${table(
  "Can get there by a detour",
  ["Subject", "How"],
  detours.map(({ name, indirect }) => [name, (indirect[0] ?? []).map(describeStep).join(", then ")]),
)}
${table(
  "Can read from kubelets",
  ["Subject", "May", "Nodes"],
  rest.map(({ name, actions }) => [
    name,
    actions.map(({ action }) => action).join(", "),
    [...new Set(actions.flatMap(({ routes }) => routes.map(({ nodes }) => describeNodes(nodes))))].join("; "),
  ]),
)}
${table(
  "What to do",
  ["Subject", "Verdict", "Rules", "Breaks"],
  open.flatMap(({ name, remediation }) =>
    remediation === undefined
      ? []
      : [
          [
            name,
            `${remediation.verdict} (${remediation.basis})`,
            (remediation.clusterRole?.rules ?? [])
              .map(({ verbs, resources }) => `${verbs.join(",")} ${(resources ?? []).join(" ")}`)
              .join("; "),
            remediation.breaks.join("; "),
          ],
        ],
  ),
)}
${table(
  "Remarks",
  ["Object", "Rule", "Why", "At"],
  report.remarks.map(({ object, subject, message, suggestion, origin }) => [
    object,
    subject,
    `${message}${suggestion === undefined ? "" : `; meant: ${suggestion}`}`,
    place(origin),
  ]),
)}
${table(
  "Problems with the input",
  ["At", "What"],
  report.problems.map(({ origin, message }) => [place(origin), message]),
)}
<h2>Limits</h2><ul>${report.limits.map((text) => `<li>${escape(text)}</li>`).join("")}</ul>
</body></html>
`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d9e0e7;overflow-wrap:anywhere}th{color:#56677a;font-weight:600}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}.red{fill:#b3261e;stroke:#b3261e}.amber{fill:#9a6700;stroke:#9a6700}.blue{fill:#1f5fa8;stroke:#1f5fa8}
path.red,path.amber,path.blue{fill:none;stroke-width:1.4;opacity:.55}text.red,text.amber,text.blue{stroke:none}
@media(prefers-color-scheme:dark){body{color:#e3e9ef;background:#14191f}th,td{border-color:#2c3640}th{color:#93a4b5}.red{fill:#ff8a80;stroke:#ff8a80}.amber{fill:#f0c04a;stroke:#f0c04a}.blue{fill:#7db4f0;stroke:#7db4f0}svg text{fill:#e3e9ef}}`;

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("");
  return `<h2>${escape(title)}</h2><table><tr>${cells("th", head)}</tr>${rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("")}</table>`;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly color: "red" | "amber" | "blue";
}

/** Subjects left, whom or what they go through in the middle, what they reach right. */
function drawing(subjects: readonly SubjectReport[]): string {
  if (subjects.length === 0) return "<p>Nobody but built-in administrators reaches a kubelet.</p>";
  const drawn = subjects.slice(0, MAXIMUM_DRAWN);
  const edges: Edge[] = [];
  const middle = new Set<string>();
  const right = new Set<string>();
  const COMMANDS = "run commands";
  for (const subject of drawn) {
    const { name, runCommands, indirect, grants, actions } = subject;
    if (runCommands === undefined && indirect[0] !== undefined) {
      const [first] = indirect[0];
      const via = `${first?.method ?? ""} ${first?.target ?? first?.role ?? ""}`.trim();
      middle.add(via);
      right.add(COMMANDS);
      edges.push({ from: name, to: via, color: "amber" }, { from: via, to: COMMANDS, color: "amber" });
    }
    const color = runCommands === undefined ? "blue" : "red";
    const reach = runCommands === undefined ? `read ${actions.map(({ action }) => action).join(", ")}` : COMMANDS;
    for (const role of new Set(grants.map((grant) => `${grant.role.kind} ${grant.role.name}`))) {
      middle.add(role);
      right.add(reach);
      edges.push({ from: name, to: role, color }, { from: role, to: reach, color });
    }
  }
  const left = drawn.map(({ name }) => name);
  const rows = Math.max(left.length, middle.size, right.size);
  const height = Math.max(60, rows * 26 + 20);
  const at = new Map<string, readonly [number, number]>();
  for (const [x, column] of [
    [10, left],
    [480, [...middle]],
    [900, [...right]],
  ] as const) {
    for (const [index, name] of column.entries()) at.set(`${x}|${name}`, [x, ((index + 0.5) * height) / column.length]);
  }
  const find = (name: string, columns: readonly number[]): readonly [number, number] | undefined =>
    columns.map((x) => at.get(`${x}|${name}`)).find((found) => found !== undefined);
  const seen = new Set<string>();
  const lines = edges.flatMap(({ from, to, color }) => {
    const [start, end] = [find(from, [10, 480]), find(to, left.includes(from) ? [480] : [900])];
    if (start === undefined || end === undefined) return [];
    const x1 = start[0] === 10 ? 330 : 800;
    const key = `${from}|${to}|${color}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const half = (x1 + end[0]) / 2;
    return [
      `<path class="${color}" d="M${x1} ${start[1]}C${half} ${start[1]} ${half} ${end[1]} ${end[0] - 6} ${end[1]}"/>`,
    ];
  });
  const texts = [...at].map(([key, [x, y]]) => {
    const name = key.slice(key.indexOf("|") + 1);
    const short = name.length > 52 ? `${name.slice(0, 51)}…` : name;
    return `<text x="${x}" y="${y + 4}"${name === COMMANDS ? ' class="red"' : ""}>${escape(short)}<title>${escape(name)}</title></text>`;
  });
  const more =
    subjects.length > drawn.length ? `<p>The first ${drawn.length} of ${subjects.length} are drawn.</p>` : "";
  return `<svg viewBox="0 0 1140 ${height}" role="img" aria-label="who reaches what">${lines.join("")}${texts.join("")}</svg>${more}`;
}
