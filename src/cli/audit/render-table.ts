import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import { describeNodes, describeStep, nodesOf, place, throughOf, verbsOf } from "./describe.ts";

export interface TableOptions {
  readonly wide: boolean;
  readonly color: boolean;
}

/** For people at a terminal. */
export function renderTable(report: KubeletAccessReport, options: TableOptions): string {
  const paint = (code: number, text: string): string => (options.color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const open = report.subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  const commands = open.filter(({ runCommands }) => runCommands !== undefined);
  const detours = open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0);
  const rest = open.filter(({ runCommands, actions }) => runCommands === undefined && actions.length > 0);
  const sections: string[] = [];
  if (commands.length > 0) {
    sections.push(
      `${paint(31, "CAN RUN COMMANDS IN ANY CONTAINER OF THE NODES")}\n${columns([
        ["SUBJECT", "NEEDS", "NODES", "THROUGH"],
        ...commands.flatMap((subject) => {
          const [first, ...more] = throughOf(subject);
          return [
            [
              subject.name,
              subject.runCommands?.withGetAlone === true ? "get alone" : verbsOf(subject),
              nodesOf(subject),
              first?.text ?? "",
            ],
            ...more.map(({ text }) => ["", "", "", text]),
          ];
        }),
      ])}`,
    );
  }
  if (detours.length > 0) {
    const shown = options.wide ? detours : detours.slice(0, 20);
    sections.push(
      `${paint(33, "CAN GET THERE BY A DETOUR")}\n${shown
        .map((subject) => `  ${subject.name}\n${chains(subject, options.wide)}`)
        .join(
          "\n",
        )}${detours.length > shown.length ? `\n  … and ${detours.length - shown.length} more (-o wide)` : ""}`,
    );
  }
  if (rest.length > 0) {
    sections.push(
      `CAN READ FROM KUBELETS, NOT RUN COMMANDS\n${columns([
        ["SUBJECT", "MAY", "NODES", "THROUGH"],
        ...rest.map((subject) => [
          subject.name,
          subject.actions.map(({ action }) => action).join(","),
          [...new Set(subject.actions.flatMap(({ routes }) => routes.map(({ nodes }) => describeNodes(nodes))))].join(
            "; ",
          ),
          throughOf(subject)[0]?.text ?? "",
        ]),
      ])}`,
    );
  }
  if (options.wide) sections.push(...wideSections(report, commands));
  const remarks = options.wide ? report.remarks : report.remarks.filter(({ code }) => code !== "bare-nodes");
  for (const [type, title] of [
    ["phantom", "GRANTS NOTHING, ALTHOUGH SOMEBODY EXPECTS IT TO"],
    ["harmless", "LOOKS DANGEROUS AND IS NOT"],
  ] as const) {
    const found = remarks.filter((remark) => remark.type === type);
    if (found.length === 0) continue;
    sections.push(
      `${title}\n${columns([
        ["OBJECT", "RULE", "WHY", "AT"],
        ...found.map(({ object, subject, message, suggestion, origin }) => [
          object,
          subject,
          `${message}${suggestion === undefined ? "" : `; meant: ${suggestion}`}`,
          place(origin),
        ]),
      ])}`,
    );
  }
  const unbound = report.roles.filter(
    ({ runsCommands, boundBy, collectedBy }) => runsCommands && boundBy.length + collectedBy.length === 0,
  );
  if (unbound.length > 0) {
    sections.push(
      `WOULD LET ITS HOLDERS RUN COMMANDS, BUT NOBODY IS BOUND TO IT\n${columns(
        unbound.map(({ kind, name, subresources, origin }) => [
          `${kind} ${name}`,
          subresources.join(","),
          place(origin),
        ]),
      )}`,
    );
  }
  const fixes = commands.concat(rest).filter(({ remediation }) => remediation !== undefined);
  if (fixes.length > 0) sections.push(`WHAT TO DO (-o fix writes the rules)\n${fixes.map(fixLines).join("\n")}`);
  if (report.usage !== undefined) sections.push(usageSection(report));
  if (report.problems.length > 0) {
    sections.push(
      `${paint(33, "PROBLEMS WITH THE INPUT")}\n${report.problems
        .slice(0, options.wide ? undefined : 20)
        .map(
          ({ severity, message, origin }) =>
            `  ${severity}: ${place(origin) === "" ? "" : `${place(origin)}: `}${message}`,
        )
        .join("\n")}`,
    );
  }
  return `${[...sections, summaryOf(report)].join("\n\n")}\n`;
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

function fixLines({ name, remediation }: SubjectReport): string {
  if (remediation === undefined) return "";
  const { verdict, basis, component, clusterRole, breaks, remarks } = remediation;
  const rules = (clusterRole?.rules ?? []).map(
    ({ verbs, resources, resourceNames }) =>
      `${verbs.join(",")} ${(resources ?? []).join(" ")}${resourceNames === undefined ? "" : ` on ${resourceNames.join(" ")}`}`,
  );
  const why =
    verdict === "unused"
      ? "the logs show no use of it: take it away"
      : verdict === "needs-proxy"
        ? "uses something that only nodes/proxy opens"
        : verdict === "unknown"
          ? "not known what it needs: read its audit log (--audit-log)"
          : `needs ${rules.length === 0 ? "nothing of kubelets" : rules.join("; ")}`;
  const known =
    basis === "known-component" && component !== undefined
      ? ` (known of ${component.name}, ${component.source}; not proved)`
      : basis === "audit-log"
        ? " (seen in the audit log)"
        : "";
  return [
    `  ${name}: ${why}${known}`,
    ...breaks.map((text) => `    breaks: ${text}`),
    ...remarks.map((text) => `    mind: ${text}`),
  ].join("\n");
}

function wideSections(report: KubeletAccessReport, commands: readonly SubjectReport[]): readonly string[] {
  const builtIn = report.subjects.filter((subject) => subject.builtIn !== undefined);
  const accepted = report.subjects.filter((subject) => subject.accepted !== undefined);
  return [
    ...(commands.length > 0
      ? [
          `EVERYTHING THEY MAY DO\n${columns([
            ["SUBJECT", "ACTION", "AT", "WITH", "NODES"],
            ...commands.flatMap(({ name, actions }) =>
              actions.flatMap(({ action, routes }) =>
                routes.map((route) => [
                  name,
                  action,
                  route.through,
                  route.with.join(" or "),
                  describeNodes(route.nodes),
                ]),
              ),
            ),
          ])}`,
        ]
      : []),
    ...(builtIn.length > 0
      ? [
          `BUILT IN, NOT COUNTED\n${columns(
            builtIn.map((subject) => [
              subject.name,
              subject.builtIn ?? "",
              subject.runCommands === undefined ? "by a detour" : "runs commands",
            ]),
          )}`,
        ]
      : []),
    ...(accepted.length > 0
      ? [
          `ACCEPTED\n${columns(accepted.map(({ name, accepted }) => [name, accepted?.reason ?? "", accepted?.expires === undefined ? "" : `until ${accepted.expires}`]))}`,
        ]
      : []),
    `NODES\n${columns([
      ["CLASS", "NODES", "COMMANDS NEED", "REMARK"],
      ...report.nodeClasses.map(({ name, count, commandsNeed, remark }) => [
        name,
        String(count),
        `${commandsNeed} nodes/proxy`,
        remark ?? "",
      ]),
    ])}`,
    `LIMITS\n${report.limits.map((text) => `  ${text}`).join("\n")}`,
  ];
}

function usageSection({ usage }: KubeletAccessReport): string {
  if (usage === undefined) return "";
  return `USE SEEN IN THE AUDIT LOG, ${usage.first} TO ${usage.last}\n${columns([
    ["SUBJECT", "AT", "ASKED FOR", "NODES", "EVENTS", "DENIED"],
    ...usage.lines.map(({ user, through, verb, subresource, path, nodes, count, denied, withoutFineGrained }) => [
      user,
      through,
      `${verb} nodes/${through === "api-server" ? `proxy ${path ?? ""}` : subresource}${withoutFineGrained === undefined || withoutFineGrained === 0 ? "" : " (no narrower rule asked before)"}`,
      String(nodes.length),
      String(count),
      String(denied),
    ]),
  ])}${usage.reviewsWithoutBody === 0 ? "" : `\n  ${usage.reviewsWithoutBody} reviews were logged without their content (level Metadata)`}`;
}

export function summaryOf(report: KubeletAccessReport): string {
  const { summary } = report;
  const others = Object.values(summary.notUnderstood.kinds).reduce((sum, count) => sum + count, 0);
  const { objects } = summary;
  return [
    `${summary.canRunCommands} can run commands (${summary.canRunCommandsWithGetAlone} with get alone), ${summary.indirect} by a detour, ${summary.builtInAdministrators} built-in administrators not counted${summary.accepted === 0 ? "" : `, ${summary.accepted} accepted`}`,
    `looked at ${objects["ClusterRole"] ?? 0} ClusterRoles, ${objects["ClusterRoleBinding"] ?? 0} ClusterRoleBindings, ${objects["Role"] ?? 0} Roles, ${objects["RoleBinding"] ?? 0} RoleBindings, ${objects["Node"] ?? 0} nodes${summary.files === 0 ? "" : ` in ${summary.files} files, ${summary.documents} documents`}; ${others} objects of other kinds; ${summary.notUnderstood.documents} not understood`,
    ...(report.complete ? [] : ["INCOMPLETE: see the problems with the input"]),
  ].join("\n");
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((found, row) => {
    for (const [index, cell] of row.entries()) found[index] = Math.max(found[index] ?? 0, cell.length);
    return found;
  }, []);
  return rows
    .map((row) =>
      `  ${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ")}`.trimEnd(),
    )
    .join("\n");
}
