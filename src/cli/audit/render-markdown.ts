import type { KubeletAccessReport } from "../../core/audit/report.ts";
import { summaryOf } from "./describe.ts";
import { type Cell, type Section, reportSections } from "./report-sections.ts";

/** For pull requests and wikis. */
export function renderMarkdown(report: KubeletAccessReport): string {
  const head = `# Kubelet access\n\n${summaryOf(report).map(escape).join("  \n")}`;
  const limits = ["## Limits\n", ...report.limits.map((text) => `* ${escape(text)}`)].join("\n");
  return `${[head, ...reportSections(report).map(sectionOf), limits].join("\n\n")}\n`;
}

function sectionOf({ title, head, rows }: Section): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [`## ${title}\n`, line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map(cell)))].join(
    "\n",
  );
}

/** Names come from manifests of others: nothing in them may begin a cell, a tag or a link. */
function escape(text: string): string {
  return text.replace(/[\\`|<>[\]*_]/g, (character) => `\\${character}`).replaceAll("\n", " ");
}

function cell(content: Cell): string {
  if (typeof content === "string") return escape(content);
  const text = content.code.replaceAll("`", "'").replaceAll("|", "\\|").replaceAll("\n", " ");
  return text === "" ? "" : `\`${text}\``;
}
