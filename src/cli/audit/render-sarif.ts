import type { KubeletAccessReport } from "../../core/audit/report.ts";
import type { Origin } from "../../core/audit/origin.ts";
import { ORLOP_VERSION } from "../../api/version.ts";
import { describeStep, nodesOf, throughOf } from "./describe.ts";

const RULES = [
  rule(
    "kubelet-run-commands",
    "Can run commands through kubelets",
    "nodes/proxy opens exec, attach, run and port forward in every container of the node; get is enough, because a WebSocket starts with GET.",
    "9.1",
  ),
  rule(
    "kubelet-indirect",
    "Can get to run commands through kubelets",
    "Rights that lead to somebody who can run commands through kubelets.",
    "7.5",
  ),
  rule(
    "kubelet-unbound-role",
    "Role would let its holders run commands",
    "Nobody is bound to the role in this input.",
    "5.0",
  ),
  rule(
    "kubelet-phantom",
    "Permission that grants nothing",
    "Nothing ever asks for this resource, so whoever needs it will be refused.",
    "2.0",
  ),
  rule("input-problem", "Input that could not be read", "The answer may lack what is in there.", "3.0"),
];

function rule(id: string, name: string, text: string, severity: string): Readonly<Record<string, unknown>> {
  return {
    id,
    name: name.replaceAll(" ", ""),
    shortDescription: { text: name },
    fullDescription: { text },
    helpUri: "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
    properties: { "security-severity": severity, tags: ["security", "kubernetes", "CIS-5.1.14"] },
  };
}

/** SARIF 2.1.0, for code scanning: findings at the line of the rule. */
export function renderSarif(report: KubeletAccessReport): string {
  const results: unknown[] = [];
  const add = (ruleId: string, level: string, text: string, origins: readonly Origin[], accepted?: string): void => {
    const places = origins.filter(({ file }) => file !== "");
    results.push({
      ruleId,
      ruleIndex: RULES.findIndex(({ id }) => id === ruleId),
      level,
      message: { text },
      locations: (places.length > 0 ? places.slice(0, 1) : [{ file: "cluster", line: 1 }]).map(locationOf),
      ...(places.length > 1 && { relatedLocations: places.slice(1).map(locationOf) }),
      ...(accepted !== undefined && { suppressions: [{ kind: "external", justification: accepted }] }),
    });
  };
  for (const subject of report.subjects) {
    if (subject.builtIn !== undefined) continue;
    const reason = subject.accepted?.reason;
    if (subject.runCommands !== undefined) {
      const through = throughOf(subject);
      const how = subject.runCommands.withGetAlone ? " with get alone" : "";
      add(
        "kubelet-run-commands",
        "error",
        `${subject.name} can run commands in every container${how} (nodes: ${nodesOf(subject)}) through ${through.map(({ text }) => text).join("; ")}`,
        through.map(({ origin }) => origin),
        reason,
      );
    } else if (subject.indirect[0] !== undefined) {
      const [chain] = subject.indirect;
      add(
        "kubelet-indirect",
        "warning",
        chain.map(describeStep).join(", which "),
        chain.flatMap(({ origins }) => origins),
        reason,
      );
    }
  }
  for (const { runsCommands, boundBy, collectedBy, kind, name, origin } of report.roles) {
    if (!runsCommands || boundBy.length + collectedBy.length > 0) continue;
    add("kubelet-unbound-role", "warning", `${kind} ${name} would let its holders run commands through kubelets`, [
      origin,
    ]);
  }
  for (const { type, object, message, suggestion, origin } of report.remarks) {
    if (type !== "phantom") continue;
    add("kubelet-phantom", "note", `${object}: ${message}${suggestion === undefined ? "" : `; meant: ${suggestion}`}`, [
      origin,
    ]);
  }
  for (const { severity, message, origin } of report.problems) {
    if (severity === "error") add("input-problem", "warning", message, [origin]);
  }
  const sarif = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "orlop", version: ORLOP_VERSION, rules: RULES } },
        results,
      },
    ],
  };
  return `${JSON.stringify(sarif, undefined, 2)}\n`;
}

function locationOf({ file, line }: Origin): unknown {
  return {
    physicalLocation: {
      artifactLocation: { uri: encodeURI(file.replaceAll("\\", "/")) },
      region: { startLine: Math.max(1, line) },
    },
  };
}
