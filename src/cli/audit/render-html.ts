import type { KubeletAccessReport } from "../../core/audit/report.ts";
import { accessGraph } from "./access-graph.ts";
import { summaryOf } from "./describe.ts";
import { drawGraph } from "./draw-graph.ts";
import { escapeHtml } from "./escape-html.ts";
import { type Cell, type Section, reportSections } from "./report-sections.ts";

/** One file without anything from elsewhere: no scripts, no fonts, no pictures but the drawing inside. */
export function renderHtml(report: KubeletAccessReport): string {
  const sections = reportSections(report);
  const [headline = "", looked = "", incomplete] = summaryOf(report);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Kubelet access: ${escapeHtml(headline)}</title><style>${STYLE}</style></head><body>
<header><h1>Kubelet access</h1>
<p class="quiet">${breakable(report.source)} · ${escapeHtml(report.generatedAt)}</p></header>
${incomplete === undefined ? "" : `<p class="incomplete">${escapeHtml(incomplete)}</p>`}
${tiles(report)}
<p class="quiet">${escapeHtml(looked)}</p>
<h2>Who reaches what</h2>
${graph(report)}
${sections.map(tableOf).join("\n")}
<h2>Limits</h2><ul class="quiet">${report.limits.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>
</body></html>
`;
}

const STYLE = `:root{--text:#1c2733;--quiet:#5a6a7b;--line:#dbe2e9;--page:#fff;--box:#f5f7fa;--danger:#b3261e;--danger-box:#fdecea;--warning:#8a5a00;--warning-box:#fff5dd;--plain:#1f5fa8;--plain-box:#eaf2fb}
@media(prefers-color-scheme:dark){:root{--text:#e3e9ef;--quiet:#93a4b5;--line:#2c3640;--page:#14191f;--box:#1b222a;--danger:#ff8a80;--danger-box:#3a1c1a;--warning:#f0c04a;--warning-box:#352a10;--plain:#7db4f0;--plain-box:#182a3d}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1.2rem;color:var(--text);background:var(--page)}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h2.danger{color:var(--danger)}h2.warning{color:var(--warning)}
.quiet{color:var(--quiet);margin:.3rem 0}.incomplete{background:var(--warning-box);color:var(--warning);font-weight:600;padding:.6rem .8rem;border-radius:6px}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0 .6rem}.tiles div{background:var(--box);border-radius:8px;padding:.7rem 1rem;min-width:8rem}.tiles b{display:block;font-size:1.7rem;line-height:1.2}
.tiles .danger{background:var(--danger-box);color:var(--danger)}.tiles .warning{background:var(--warning-box);color:var(--warning)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line)}
th{color:var(--quiet);font-weight:600;white-space:nowrap}code{font:13px/1.4 ui-monospace,Menlo,Consolas,monospace}td:first-child{min-width:15rem}
svg{width:100%;height:auto;font:12.5px system-ui,sans-serif}svg text{fill:var(--text)}svg .title{fill:var(--quiet);font-weight:600}svg .prefix{fill:var(--quiet);font-size:11px}svg .label{fill:var(--warning);font-size:11px}
svg path{fill:none;stroke-width:1.5;opacity:.7}svg rect{stroke-width:1}path.danger,rect.danger{stroke:var(--danger)}path.warning,rect.warning{stroke:var(--warning)}path.plain,rect.plain{stroke:var(--plain)}
rect.danger{fill:var(--danger-box)}rect.warning{fill:var(--warning-box)}rect.plain{fill:var(--plain-box)}
@media print{body{margin:0;max-width:none}}`;

function tiles({ summary }: KubeletAccessReport): string {
  const tile = (count: number, text: string, tone: string): string =>
    `<div${count > 0 && tone !== "" ? ` class="${tone}"` : ""}><b>${count}</b>${escapeHtml(text)}</div>`;
  return `<div class="tiles">${[
    tile(summary.canRunCommands, "can run commands", "danger"),
    tile(summary.canRunCommandsWithGetAlone, "of them with get alone", "danger"),
    tile(summary.indirect, "get there by a detour", "warning"),
    tile(summary.phantoms, "permissions that grant nothing", "warning"),
    ...(summary.accepted > 0 ? [tile(summary.accepted, "accepted", "")] : []),
    ...(summary.builtInAdministrators > 0 ? [tile(summary.builtInAdministrators, "built-in administrators", "")] : []),
  ].join("")}</div>`;
}

function graph(report: KubeletAccessReport): string {
  const found = accessGraph(report);
  if (found.columns.length === 0) return "<p>Nobody but built-in administrators reaches a kubelet.</p>";
  const more = found.leftOut === 0 ? "" : `<p class="quiet">${found.leftOut} more subjects are in the tables only.</p>`;
  return `<div class="scroll">${drawGraph(found)}</div>${more}`;
}

function tableOf({ title, tone, head, rows }: Section): string {
  const line = (row: readonly Cell[]): string => `<tr>${row.map((cell) => `<td>${cellOf(cell)}</td>`).join("")}</tr>`;
  const heads = head.map((text) => `<th>${escapeHtml(text)}</th>`).join("");
  return `<h2 class="${tone}">${escapeHtml(title)}</h2><div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${rows.map(line).join("")}</tbody></table></div>`;
}

function cellOf(cell: Cell): string {
  if (typeof cell === "string") return breakable(cell);
  return cell.code === "" ? "" : `<code>${breakable(cell.code)}</code>`;
}

/** Long names may be broken where their parts end. */
function breakable(text: string): string {
  return escapeHtml(text).replace(/(?<=[:/-])(?=[\w.&])/g, "<wbr>");
}
