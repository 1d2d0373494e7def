import { stringify } from "yaml";
import type { KubeletAccessReport } from "../../core/audit/report.ts";
import type { ReportForm } from "./options.ts";
import { printable, printableText } from "./printable.ts";
import { renderFix } from "./render-fix.ts";
import { renderHtml } from "./render-html.ts";
import { renderMarkdown } from "./render-markdown.ts";
import { renderSarif } from "./render-sarif.ts";
import { renderTable } from "./render-table.ts";

/** The report as text. @param color only looked at by forms for terminals */
export function renderReport(report: KubeletAccessReport, form: ReportForm, color: boolean): string {
  switch (form) {
    case "table":
    case "wide":
      return renderTable(printable(report), { wide: form === "wide", color });
    case "json":
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case "yaml":
      return stringify(report, { aliasDuplicateObjects: false });
    case "sarif":
      return renderSarif(report);
    case "markdown":
      return renderMarkdown(printable(report));
    case "html":
      return renderHtml(printable(report));
    case "fix":
      return renderFix(report);
    case "name":
      return report.subjects
        .filter(
          ({ runCommands, builtIn, accepted }) =>
            runCommands !== undefined && builtIn === undefined && accepted === undefined,
        )
        .map(({ name }) => `${printableText(name)}\n`)
        .join("");
  }
}
