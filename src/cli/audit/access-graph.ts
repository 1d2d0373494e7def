import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import { subjectGroups } from "./subject-groups.ts";

/** More subjects than this make a drawing nobody can read. */
const MAXIMUM_DRAWN = 60;

export type GraphTone = "danger" | "warning" | "plain";

export interface GraphNode {
  readonly key: string;
  /** What the name begins with, e.g. "system:serviceaccount:monitoring:"; "" for none. */
  readonly prefix: string;
  readonly name: string;
  readonly tone: GraphTone;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly tone: GraphTone;
  /** What is done, for detours. */
  readonly label?: string;
}

/** Who reaches what, in columns from left to right: those with a detour, holders, roles, what is reached. */
export interface AccessGraph {
  readonly columns: readonly { readonly title: string; readonly nodes: readonly GraphNode[] }[];
  readonly edges: readonly GraphEdge[];
  /** Subjects left out because there were too many. */
  readonly leftOut: number;
}

const COMMANDS: GraphNode = {
  key: "reach:commands",
  prefix: "",
  name: "run commands in any container",
  tone: "danger",
};

export function accessGraph(report: KubeletAccessReport): AccessGraph {
  const { commands, detours, readers } = subjectGroups(report);
  const seen = new Set<SubjectReport>();
  const all = [...commands, ...detours, ...readers].filter((one) => !seen.has(one) && seen.add(one));
  const drawn = all.slice(0, MAXIMUM_DRAWN);
  const columns = [
    new Map<string, GraphNode>(),
    new Map<string, GraphNode>(),
    new Map<string, GraphNode>(),
    new Map<string, GraphNode>(),
  ] as const;
  const [byDetour, holders, roles, reached] = columns;
  const edges = new Map<string, GraphEdge>();
  const link = (edge: GraphEdge): void => {
    edges.set(`${edge.from}|${edge.to}|${edge.tone}`, edge);
  };
  const put = (column: Map<string, GraphNode>, node: GraphNode): string => {
    if (!column.has(node.key)) column.set(node.key, node);
    return node.key;
  };

  for (const subject of drawn) {
    const { runCommands, indirect, actions, grants } = subject;
    const tone = runCommands === undefined ? "plain" : "danger";
    if (actions.length > 0) {
      const holder = put(holders, subjectNode(subject.name, tone));
      const reach = put(reached, runCommands === undefined ? readNode(subject) : COMMANDS);
      for (const { role } of grants) {
        const node = put(roles, { key: `role:${role.name}`, prefix: `${role.kind} `, name: role.name, tone });
        link({ from: holder, to: node, tone });
        link({ from: node, to: reach, tone });
      }
    }
    const [chain] = indirect;
    const [step] = chain ?? [];
    if (runCommands !== undefined || chain === undefined || step === undefined) continue;
    const from = put(byDetour, subjectNode(subject.name, "warning"));
    const last = chain.at(-1) ?? step;
    const label = `${step.method}${chain.length > 1 ? `, ${chain.length} steps` : ""}`;
    if (last.target !== undefined) {
      // A holder that is built in, or that was left out, is drawn as what it leads to.
      const target = put(holders, subjectNode(last.target, "danger"));
      link({ from, to: target, tone: "warning", label });
      if (!drawn.some(({ name }) => name === last.target))
        link({ from: target, to: put(reached, COMMANDS), tone: "danger" });
    } else link({ from, to: put(reached, COMMANDS), tone: "warning", label });
  }
  const titles = ["By a detour", "Subjects", "Roles", "Reach"];
  return {
    columns: columns.flatMap((nodes, index) =>
      nodes.size === 0 ? [] : [{ title: titles[index] ?? "", nodes: [...nodes.values()] }],
    ),
    edges: [...edges.values()],
    leftOut: all.length - drawn.length,
  };
}

function subjectNode(name: string, tone: GraphTone): GraphNode {
  const end = name.lastIndexOf(":") + 1;
  return {
    key: `subject:${tone === "warning" ? "detour:" : ""}${name}`,
    prefix: name.slice(0, end),
    name: name.slice(end),
    tone,
  };
}

function readNode({ actions }: SubjectReport): GraphNode {
  const name = actions.map(({ action }) => action).join(", ");
  return { key: `reach:${name}`, prefix: "read ", name, tone: "plain" };
}
