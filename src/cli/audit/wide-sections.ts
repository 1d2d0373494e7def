import type { KubeletAccessReport } from "../../core/audit/report.ts";
import { describeNodes } from "./describe.ts";
import type { SubjectGroups } from "./subject-groups.ts";
import { type TableSection, tableSection } from "./table-section.ts";

/** What a table says only with -o wide. */
export function wideSections(
  { nodeClasses, limits }: KubeletAccessReport,
  { commands, readers, builtIn, accepted }: SubjectGroups,
): readonly TableSection[] {
  const everything = [...commands, ...readers].flatMap(({ name, actions }) =>
    actions.flatMap(({ action, routes }) =>
      routes.map(({ through, with: permissions, nodes }) => [
        name,
        action,
        through,
        permissions.join(" or "),
        describeNodes(nodes),
      ]),
    ),
  );
  return [
    ...tableSection("EVERYTHING THEY MAY DO", everything, { head: ["SUBJECT", "ACTION", "AT", "WITH", "NODES"] }),
    ...tableSection(
      "BUILT IN, NOT COUNTED",
      builtIn.map(({ name, builtIn: why = "", runCommands }) => [
        name,
        why,
        runCommands === undefined ? "by a detour" : "runs commands",
      ]),
    ),
    ...tableSection(
      "ACCEPTED",
      accepted.map(({ name, accepted: why }) => [
        name,
        why?.reason ?? "",
        why?.expires === undefined ? "" : `until ${why.expires}`,
      ]),
    ),
    ...tableSection(
      "NODES",
      nodeClasses.map(({ name, count, commandsNeed, remark = "" }) => [
        name,
        String(count),
        `${commandsNeed} nodes/proxy`,
        remark,
      ]),
      { head: ["CLASS", "NODES", "COMMANDS NEED", "REMARK"] },
    ),
    { title: "LIMITS", body: limits.map((text) => `  ${text}`).join("\n") },
  ];
}

export function usageSections({ usage }: KubeletAccessReport): readonly TableSection[] {
  if (usage === undefined) return [];
  const { first, last, reviews, reviewsWithoutBody, reviewsByOthers, collapsed } = usage;
  const rows = usage.lines.map(({ user, through, verb, subresource, path = "", nodes, count, denied, ...rest }) => [
    user,
    through,
    `${verb} nodes/${through === "api-server" ? `proxy ${path}` : subresource}${(rest.withoutFineGrained ?? 0) > 0 ? " (no narrower rule asked before)" : ""}`,
    `${nodes.length}${rest.moreNodes ? "+" : ""}`,
    String(count),
    String(denied),
  ]);
  const notes = [
    ...(reviews === 0 ? ["no review by a kubelet with its content: use of port 10250 can not be seen"] : []),
    ...(reviewsWithoutBody > 0
      ? [`${reviewsWithoutBody} reviews were logged without their content (level Metadata)`]
      : []),
    ...(reviewsByOthers > 0 ? [`${reviewsByOthers} reviews were not asked by kubelets and do not count as use`] : []),
    ...(collapsed > 0 ? [`${collapsed} uses were counted without their node: there were too many`] : []),
  ];
  const [table] = tableSection("", rows, { head: ["SUBJECT", "AT", "ASKED FOR", "NODES", "EVENTS", "DENIED"] });
  const period = first === "" ? "" : `, ${first} TO ${last}`;
  return [
    {
      title: `USE SEEN IN THE AUDIT LOG${period}`,
      body: [...(table === undefined ? ["  none"] : [table.body]), ...notes.map((text) => `  ${text}`)].join("\n"),
    },
  ];
}
