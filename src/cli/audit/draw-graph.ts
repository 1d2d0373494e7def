import type { AccessGraph, GraphEdge, GraphNode } from "./access-graph.ts";
import { escapeHtml } from "./escape-html.ts";

const WIDTH = 1180;
const BOX = { width: 236, height: 40, gap: 18 };
const TOP = 34;
/** What fits into a box, in the two sizes of its lines. */
const MAXIMUM_LETTERS = { prefix: 38, name: 31 };

interface Placed {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
}

/** The graph as one SVG element. Each column is spread over the height of the longest. */
export function drawGraph({ columns, edges }: AccessGraph): string {
  const rows = Math.max(...columns.map(({ nodes }) => nodes.length));
  const height = TOP + rows * (BOX.height + BOX.gap);
  const step = columns.length < 2 ? 0 : (WIDTH - BOX.width) / (columns.length - 1);
  const placed = new Map<string, Placed>();
  const ordered = orderedColumns(columns, edges);
  for (const [column, nodes] of ordered.entries()) {
    const space = (height - TOP) / nodes.length;
    for (const [row, node] of nodes.entries()) {
      placed.set(node.key, { node, x: column * step, y: TOP + (row + 0.5) * space - BOX.height / 2 });
    }
  }
  const titles = columns.map(
    ({ title }, column) => `<text class="title" x="${round(column * step)}" y="14">${escapeHtml(title)}</text>`,
  );
  const lines = edges.map((edge) => drawEdge(edge, placed));
  const boxes = [...placed.values()].map(drawBox);
  return `<svg viewBox="-2 0 ${WIDTH + 4} ${height}" role="img" aria-label="who reaches what">${[...titles, ...lines, ...boxes].join("")}</svg>`;
}

/** Each column in the order of what its nodes come from, so that fewer lines cross. */
function orderedColumns(
  columns: AccessGraph["columns"],
  edges: readonly GraphEdge[],
): readonly (readonly GraphNode[])[] {
  const rank = new Map<string, number>();
  const sources = new Map<string, string[]>();
  for (const { from, to } of edges) sources.set(to, [...(sources.get(to) ?? []), from]);
  return columns.map(({ nodes }) => {
    const weight = ({ key }: GraphNode): number | undefined => {
      const ranks = (sources.get(key) ?? []).flatMap((from) => rank.get(from) ?? []);
      return ranks.length === 0 ? undefined : ranks.reduce((sum, one) => sum + one, 0) / ranks.length;
    };
    const sorted = nodes
      .map((node, index) => ({ node, weight: weight(node) ?? index / nodes.length }))
      .sort((a, b) => a.weight - b.weight)
      .map(({ node }) => node);
    for (const [index, { key }] of sorted.entries()) rank.set(key, (index + 0.5) / sorted.length);
    return sorted;
  });
}

function drawEdge({ from, to, tone, label }: GraphEdge, placed: ReadonlyMap<string, Placed>): string {
  const [start, end] = [placed.get(from), placed.get(to)];
  if (start === undefined || end === undefined) return "";
  const [x1, y1] = [start.x + BOX.width, start.y + BOX.height / 2];
  const [x2, y2] = [end.x, end.y + BOX.height / 2];
  const bend = Math.min(70, (x2 - x1) / 2);
  const path = `<path class="${tone}" d="M${round(x1)} ${round(y1)}C${round(x1 + bend)} ${round(y1)} ${round(x2 - bend)} ${round(y2)} ${round(x2)} ${round(y2)}"/>`;
  if (label === undefined) return path;
  return `${path}<text class="label" x="${round(start.x + 10)}" y="${round(start.y + BOX.height + 12)}">${escapeHtml(label)}</text>`;
}

function drawBox({ node: { prefix, name, tone }, x, y }: Placed): string {
  const whole = escapeHtml(`${prefix}${name}`);
  return `<g><title>${whole}</title><rect class="${tone}" x="${round(x)}" y="${round(y)}" width="${BOX.width}" height="${BOX.height}" rx="6"/><text class="prefix" x="${round(x + 10)}" y="${round(y + 15)}">${escapeHtml(shortened(prefix, MAXIMUM_LETTERS.prefix))}</text><text x="${round(x + 10)}" y="${round(y + (prefix === "" ? 24 : 31))}">${escapeHtml(shortened(name, MAXIMUM_LETTERS.name))}</text></g>`;
}

/** Beginning and end tell names apart, the middle seldom does. */
function shortened(text: string, maximum: number): string {
  if (text.length <= maximum) return text;
  const half = (maximum - 1) / 2;
  return `${text.slice(0, Math.ceil(half))}…${text.slice(-Math.floor(half))}`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
