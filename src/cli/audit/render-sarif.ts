import { ORLOP_VERSION } from "../../api/version.ts";
import type { Origin } from "../../core/audit/origin.ts";
import type { KubeletAccessReport, SubjectReport } from "../../core/audit/report.ts";
import { describeMeaning, describeStep, nodesOf, throughOf } from "./describe.ts";
import { unboundRoles } from "./subject-groups.ts";

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

type Level = "error" | "warning" | "note";

interface Finding {
  readonly ruleId: string;
  readonly level: Level;
  readonly text: string;
  readonly origins: readonly Origin[];
  /** What it is about: the same in the next run, whatever line it moves to. */
  readonly about: string;
  readonly accepted?: string;
}

/** SARIF 2.1.0, for code scanning: findings at the line of the rule. */
export function renderSarif(report: KubeletAccessReport): string {
  const sarif = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "orlop",
            version: ORLOP_VERSION,
            informationUri: "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
            rules: RULES,
          },
        },
        columnKind: "utf16CodeUnits",
        invocations: [{ executionSuccessful: report.complete }],
        results: findingsOf(report).map(resultOf),
      },
    ],
  };
  return `${JSON.stringify(sarif, undefined, 2)}\n`;
}

function findingsOf(report: KubeletAccessReport): readonly Finding[] {
  return [
    ...report.subjects.flatMap(subjectFinding),
    ...unboundRoles(report).map(({ kind, name, origin }) => ({
      ruleId: "kubelet-unbound-role",
      level: "warning" as const,
      text: `${kind} ${name} would let its holders run commands through kubelets`,
      origins: [origin],
      about: `${kind} ${name}`,
    })),
    ...report.remarks
      .filter(({ type }) => type === "phantom")
      .map((remark) => ({
        ruleId: "kubelet-phantom",
        level: "note" as const,
        text: `${remark.object}: ${describeMeaning(remark)}`,
        origins: [remark.origin],
        about: `${remark.object} ${remark.subject}`,
      })),
    ...report.problems
      .filter(({ severity }) => severity === "error")
      .map(({ message, origin }) => ({
        ruleId: "input-problem",
        level: "warning" as const,
        text: message,
        origins: [origin],
        about: `${origin.file} ${message}`,
      })),
  ];
}

function subjectFinding(subject: SubjectReport): readonly Finding[] {
  const { name, builtIn, accepted, runCommands, indirect } = subject;
  if (builtIn !== undefined) return [];
  const common = { about: name, ...(accepted !== undefined && { accepted: accepted.reason }) };
  if (runCommands !== undefined) {
    const through = throughOf(subject);
    const how = runCommands.withGetAlone ? " with get alone" : "";
    return [
      {
        ...common,
        ruleId: "kubelet-run-commands",
        level: "error",
        text: `${name} can run commands in every container${how} (nodes: ${nodesOf(subject)}) through ${through.map(({ text }) => text).join("; ")}`,
        origins: through.map(({ origin }) => origin),
      },
    ];
  }
  const [chain] = indirect;
  if (chain === undefined) return [];
  return [
    {
      ...common,
      ruleId: "kubelet-indirect",
      level: "warning",
      text: chain.map(describeStep).join(", which "),
      origins: chain.flatMap(({ origins }) => origins),
    },
  ];
}

function resultOf({ ruleId, level, text, origins, about, accepted }: Finding): unknown {
  const places = origins.filter(({ file }) => file !== "");
  return {
    ruleId,
    ruleIndex: RULES.findIndex(({ id }) => id === ruleId),
    level,
    message: { text },
    // What came from a cluster has no file; code scanning takes no result without one.
    locations: [{ ...locationOf(places[0] ?? { file: "cluster", line: 1 }), logicalLocations: [{ name: about }] }],
    ...(places.length > 1 && {
      relatedLocations: places.slice(1).map((place, index) => ({ id: index + 1, ...locationOf(place) })),
    }),
    partialFingerprints: { "orlopSubject/v1": `${ruleId}:${about}` },
    ...(accepted !== undefined && {
      suppressions: [{ kind: "external", status: "accepted", justification: accepted }],
    }),
  };
}

function locationOf({ file, line }: Origin): Readonly<Record<string, unknown>> {
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(file) },
      region: { startLine: Math.max(1, line) },
    },
  };
}

/** Relative to where it was run, as code scanning wants it; absolute paths become file: URIs. */
function uriOf(file: string): string {
  const path = file.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${encoded}` : encoded;
}
